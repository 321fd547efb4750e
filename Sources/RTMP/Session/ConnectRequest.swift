import NIOCore

/// The command object of `connect` (RTMP 1.0 §7.2.1.1 and Enhanced RTMP v2) and the answer to it.
struct ConnectRequest: Sendable, Equatable {
    /// Every codec of enhanced RTMP that passes through Martlet.
    static let fourCCs = ["av01", "hvc1", "avc1", "vp09", "vp08", "Opus", "mp4a", ".mp3"]
    /// Multitrack (2), ModEx (4) and nanosecond offsets (8) are understood; Reconnect (1) is not.
    static let capabilities: Double = 0x0E
    /// FourCcInfoMask: passed on, neither decoded nor encoded.
    static let canForward: Double = 0x04

    var app: String
    var tcURL: String
    var userAgent: String?
    var objectEncoding: Double
    /// As the client listed them; empty when it knows nothing of enhanced RTMP.
    var fourCCs: [String]
    private var asksForCapabilities: Bool
    private var infoMaps: [String]

    init(_ object: AMF0Object) {
        self.app = object["app"]?.string ?? ""
        self.tcURL = object["tcUrl"]?.string ?? ""
        self.userAgent = object["flashVer"]?.string
        self.objectEncoding = object["objectEncoding"]?.number == 3 ? 3 : 0
        self.infoMaps = ["videoFourCcInfoMap", "audioFourCcInfoMap"].filter { object[$0]?.object != nil }
        var listed = (object["fourCcList"]?.array ?? []).compactMap(\.string)
        for map in self.infoMaps { listed += object[map]?.object?.properties.map(\.name) ?? [] }
        self.fourCCs = Array(listed.prefix(32))
        self.asksForCapabilities = object["capsEx"]?.number != nil
    }

    /// The values of `_result`: server properties, then the status with what the client asked for. Only what it asked for: players older than
    /// enhanced RTMP choke on less.
    var result: [AMF0Value] {
        var information = StatusMessage.connectSuccess.information
        information.append("objectEncoding", .number(self.objectEncoding))
        if self.asksForCapabilities { information.append("capsEx", .number(Self.capabilities)) }
        if !self.fourCCs.isEmpty {
            let common = self.fourCCs.contains("*") ? Self.fourCCs : Self.fourCCs.filter(self.fourCCs.contains)
            information.append("fourCcList", .strictArray(common.map { .string($0) }))
            for map in self.infoMaps {
                information.append(map, .object(AMF0Object(common.map { .init(name: $0, value: .number(Self.canForward)) })))
            }
        }
        let properties: AMF0Object = ["fmsVer": "FMS/3,5,7,7009", "capabilities": 31, "mode": 1]
        return [.object(properties), .object(information)]
    }
}
