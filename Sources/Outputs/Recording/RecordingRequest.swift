public import Streams

/// What is to be recorded where.
public struct RecordingRequest: Sendable {
    /// The VoD's id: 24 letters and digits. Files that follow the first one get ids of their own.
    public var id: String
    /// Absolute; made when it is missing.
    public var directory: String
    /// Without extension or index; a plain name of at most 200 bytes.
    public var baseName: String
    public var format: RecordingFormat
    /// What of the stream's recent past is in it.
    public var start: StreamStart

    public init(id: String, directory: String, baseName: String, format: RecordingFormat = .mp4, start: StreamStart = .latestGroup) {
        self.id = id
        self.directory = directory
        self.baseName = baseName
        self.format = format
        self.start = start
    }
}

/// A file that is being written. Whoever wants to recover it after a crash remembers these.
public struct StartedRecording: Sendable, Equatable {
    /// Of the VoD that will come of it.
    public let id: String
    /// 0 for a recorder's first file, 1 for the next…
    public let part: Int
    public let temporaryPath: String
    /// What the file will be called, unless somebody else takes that name meanwhile.
    public let path: String
    /// Wall clock, milliseconds since 1970.
    public let startedAtMilliseconds: Int64
}

/// How one file ended. With a failure there may still be a playable file: `bytes` is 0 exactly when there is none.
public struct RecordingOutcome: Sendable, Equatable {
    public var id: String
    public var part: Int
    /// Absolute.
    public var path: String
    public var fileName: String
    public var startedAtMilliseconds: Int64
    public var durationMilliseconds: Int64
    public var bytes: Int64
    /// Frames the recorder lost because the disk was too slow, or encoding was, since the recorder's start.
    public var droppedFrames: Int
    /// Why recording stopped before it was asked to, or why there is no file; nil when all went well.
    public var failure: RecordingFailure?
    /// Why the file is fragmented, or without an index, instead of plain. All that was recorded is in it all the same.
    public var remuxFailure: RecordingFailure?
    /// There is a video track in the file.
    public var hasPicture = false
    /// The temporary is still there: what was recorded is not lost, and `RecordingRecovery` may make a file of it later.
    public var isLeft = false
}

public enum RecordingFailure: Error, Sendable, Equatable {
    /// No room left, or less than `Recorder.Configuration.minimumFreeBytes`.
    case diskFull
    /// The file system's words.
    case io(String)
    /// The container writer's words.
    case muxer(String)
    /// No frame came that a recording can start with.
    case nothingRecorded
    /// No track has a codec that the container can hold.
    case unsupportedTracks
    /// An empty name, one with a path in it, or a directory that is not absolute.
    case invalidName
    /// Every index up to the limit is taken.
    case tooManyFiles
    /// As many recordings are being encoded as may be.
    case tooManyEncoders
    /// `start()` was called before.
    case alreadyStarted
}

/// How far a recorder is.
public enum RecorderState: Sendable, Equatable {
    /// Not started.
    case idle
    /// Attached; no frame yet that a file can start with.
    case waiting
    case recording
    /// Nothing more is taken from the stream; files are being finished.
    case finishing
    case ended
}
