public import Store

/// Why something asked of a broadcast was not done, in the terms of whoever asked. `ErrorResponder` in API has the contract's words for each.
public enum BroadcastError: Error, Sendable, Equatable {
    // Creating and changing
    case idTaken
    case idInvalid
    case sourceURLInvalid
    case subFolderInvalid
    /// A member's text holds a NUL or is longer than it may be, or a list of encoders has one that cannot be.
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
    /// A camera could not be asked for its stream, or not with these credentials. -1: not reached, -2: not let in.
    case cameraUnreachable(address: String, code: Int)
    /// As many are pulled as may be.
    case resourcesExhausted
    /// It is pulled, or waits for its next try.
    case alreadyActive
    case playlistAlreadyRunning
    /// None of the items may be fetched.
    case nothingPlayable
    /// This is a list of other files in the library, such as an imported m3u8: it is served, and never played as a source.
    case listNotPlayable(String)
    /// What was created to be pulled at once could not be, and is removed again.
    case fetcherNotStarted

    // Changing
    /// What a running source would be switched to could not be opened; it goes on as it was. The text is for people and holds no credentials.
    case sourceUnreachable(String)

    // Asking a running pull
    case idBlank
    /// There is nothing to seek in.
    case noActiveSource
    case notAPlaylist
    case indexOutOfList
    case playlistNotRunning
    /// Why a camera that is not pulled cannot be: it has an address, but no stream URL, and so would have to be asked by ONVIF, which this server
    /// does not speak.
    case cameraNeedsONVIF(address: String)
    case urlBlank
    /// -1: it does not say how long it is, -2: it could not be opened, -3: nothing is known of its streams.
    case durationUnknown(code: Int)

    // Stopping
    case notLive
    case nothingPulled

    // Recording
    case recordingTypeUnknown
    /// Already as wanted, or impossible for this stream.
    case recordingNotStarted(type: String)
    case recordingNotStopped(type: String)
    /// There is less free disk space than recordings must leave.
    case recordingRefusedDiskLow(type: String)

    // Endpoints
    case endpointURLMissing
    case endpointTaken(url: String)
    case endpointRefused
    case unknownEndpoint

    case unknownVod
    /// The file could not be removed; the row is kept.
    case fileNotRemoved(String)

    // Bringing files into the library
    case vodExtensionUnsupported
    /// Bytes.
    case uploadTooLarge(limit: Int64)
    /// Too much is under way, the disk has no room, or the server ends.
    case libraryBusy
    /// The disk's words.
    case fileNotWritten(String)
    /// It is no media, or not of the kind that its name says.
    case mediaBroken(String)
    /// Only directories below these may be imported.
    case importNotAllowed(below: [String])
    case notADirectory(String)
    /// Of something else in the library.
    case importNameTaken(String)
    case importNotLinked
    /// It holds more files than may be imported.
    case importTooLarge(limit: Int)
    case hlsNameBlank
    /// There are no segments of that name, or they could not be made into a file.
    case hlsNotConverted

    case store(StoreError)
}
