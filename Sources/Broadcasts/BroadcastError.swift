public import Store

/// Why something asked of a broadcast was not done, in the terms of whoever asked. `ErrorResponder` in API has the contract's words for each.
public enum BroadcastError: Error, Sendable, Equatable {
    // Creating and changing
    case idTaken
    case idInvalid
    case sourceURLInvalid
    case subFolderInvalid
    /// A member's text holds a NUL or is longer than it may be.
    case textInvalid(member: String)
    case endpointInvalid(url: String)
    case nothingGiven

    /// There is no broadcast with this id.
    case unknownBroadcast

    // Starting a pull
    case noSource
    case typeNotStartable
    case playlistEmpty
    case autoStartTypeInvalid
    case cameraAddressInvalid(String)
    /// This server does not pull yet.
    case pullingUnavailable

    // Stopping
    case notLive
    case nothingPulled

    // Recording
    case recordingTypeUnknown
    /// Already as wanted, or impossible for this stream.
    case recordingNotStarted(type: String)
    case recordingNotStopped(type: String)

    // Endpoints
    case endpointURLMissing
    case endpointTaken(url: String)
    case endpointRefused
    case unknownEndpoint

    case unknownVod
    /// The file could not be removed; the row is kept.
    case fileNotRemoved(String)

    case store(StoreError)
}
