import GRDB

/// A file that can be watched on demand. Times are milliseconds since 1970.
public struct VodRecord: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case stream = "streamVod"
        case uploaded = "uploadedVod"
        case imported = "userVod"
    }

    /// 24 letters and digits.
    public var id: String
    public var streamID: String?
    public var streamName: String?
    /// The file's name.
    public var name: String?
    public var type: String
    public var createdAt: Int64
    public var startedAt: Int64
    /// Milliseconds.
    public var duration: Int64
    /// Bytes.
    public var fileSize: Int64
    /// Below the data directory, `streams/…`.
    public var filePath: String?
    public var previewPath: String?
    public var processStatus: String?
    public var processStartedAt: Int64
    public var processEndedAt: Int64
    public var description: String?
    public var metadata: String?
    public var latitude: String?
    public var longitude: String?
    public var altitude: String?

    public init(id: String, streamID: String?, kind: Kind, createdAt: Int64) {
        self.id = id
        self.streamID = streamID
        self.type = kind.rawValue
        self.createdAt = createdAt
        self.startedAt = 0
        self.duration = 0
        self.fileSize = 0
        self.processStartedAt = 0
        self.processEndedAt = 0
    }

    static let statements = TableStatements<VodRecord>(
        table: "vods",
        columns: [
            StoredColumn("id", \.id),
            StoredColumn("stream_id", \.streamID),
            StoredColumn("stream_name", \.streamName),
            StoredColumn("name", \.name),
            StoredColumn(derived: "name_folded") { folded($0.name) },
            StoredColumn("type", \.type),
            StoredColumn("created_at", \.createdAt),
            StoredColumn("started_at", \.startedAt),
            StoredColumn("duration", \.duration),
            StoredColumn("file_size", \.fileSize),
            StoredColumn("file_path", \.filePath),
            StoredColumn("preview_path", \.previewPath),
            StoredColumn("process_status", \.processStatus),
            StoredColumn("process_started_at", \.processStartedAt),
            StoredColumn("process_ended_at", \.processEndedAt),
            StoredColumn("description", \.description),
            StoredColumn("metadata", \.metadata),
            StoredColumn("latitude", \.latitude),
            StoredColumn("longitude", \.longitude),
            StoredColumn("altitude", \.altitude),
            StoredColumn(derived: "search_text") { vod in
                // A line break keeps a needle from matching across two members.
                folded([vod.id, vod.name, vod.streamID, vod.streamName, vod.description, vod.metadata].map { $0 ?? "" }.joined(separator: "\n"))
            },
        ])
}
