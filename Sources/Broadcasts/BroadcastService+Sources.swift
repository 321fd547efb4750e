public import Gateways
public import NIOCore
import Store
import Streams

/// What a start or a stop was done to; the contract answers differently.
public enum StartedOrStopped: Sendable, Equatable {
    case publisher
    case source
    case playlist
}

extension BroadcastService {
    // MARK: Starting and stopping

    /// Starts to pull, and remembers that this is wanted. `source` or `playlist`.
    /// - Throws: in this order `unknownBroadcast`, `noSource`, `typeNotStartable`, `playlistEmpty`, `cameraUnreachable` (no stream URL, and an
    ///   address that would need ONVIF), `sourceURLInvalid` (it may not be fetched), `nothingPlayable`, `alreadyActive`,
    ///   `playlistAlreadyRunning`, `resourcesExhausted`, `store`.
    public func startPull(_ id: String) async throws(BroadcastError) -> StartedOrStopped {
        throw .unknownBroadcast
    }

    /// Stops what is pulled at once, or sends the publisher away; those of its subtracks too if wanted.
    /// - Throws: `unknownBroadcast`, `notLive`, `nothingPulled`, `store`.
    @discardableResult
    public func stop(_ id: String, withSubtracks: Bool) async throws(BroadcastError) -> StartedOrStopped {
        throw .unknownBroadcast
    }

    /// Stores a new broadcast and starts to pull it. Its id.
    /// - Throws: `nothingGiven`, `idTaken`, `idInvalid`, `resourcesExhausted`, `autoStartTypeInvalid`, `cameraAddressInvalid`,
    ///   `cameraUnreachable`, `sourceURLInvalid`, what `create` throws, `fetcherNotStarted`.
    public func createAndStart(_ changes: BroadcastChanges?) async throws(BroadcastError) -> String {
        throw .nothingGiven
    }

    // MARK: Asking a running pull

    /// Goes to a time within what is played; nothing happens when it is behind its end, or cannot be seeked in.
    /// - Throws: `idBlank`, `noActiveSource`.
    public func seek(_ id: String, toMilliseconds time: Int64) throws(BroadcastError) {
        throw .noActiveSource
    }

    /// Goes to an item at once; nil or a negative one is the next.
    /// - Throws: `unknownBroadcast`, `notAPlaylist`, `indexOutOfList` (also for the next after the last of a list that does not loop),
    ///   `playlistNotRunning`, `store`.
    public func nextItem(_ id: String, index: Int?) throws(BroadcastError) {
        throw .unknownBroadcast
    }

    /// Why the newest try to open a source failed; nil when it did not.
    /// - Throws: `unknownBroadcast`, `cameraNeedsONVIF`, `nothingPulled`, `store`.
    public func ipCameraError(_ id: String) throws(BroadcastError) -> PullFailure? {
        throw .unknownBroadcast
    }

    /// How long what can be fetched from a URL is, in milliseconds. Answers within `Configuration.sources.probeTimeout` and the time that others who
    /// ask take.
    /// - Throws: `urlBlank`, `durationUnknown`.
    public func duration(ofURL url: String) async throws(BroadcastError) -> Int64 {
        throw .urlBlank
    }

    // MARK: Viewers

    /// Somebody wants to watch: starts a source that waits for viewers. True when it is being started or is on, so that the viewer should be held.
    /// Never blocks, asks no database: for event loops.
    public func viewerArrived(_ id: String) -> Bool {
        false
    }

    /// True as soon as the broadcast is live, false when it is not in time or cannot be started.
    public func whenLive(_ id: String, on eventLoop: any EventLoop, within limit: TimeAmount) -> EventLoopFuture<Bool> {
        eventLoop.makeSucceededFuture(false)
    }
}
