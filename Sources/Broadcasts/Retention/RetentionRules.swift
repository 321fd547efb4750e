/// How long recordings are kept, and how much of them. 0 switches a rule off.
public struct RetentionRules: Sendable, Equatable {
    /// Milliseconds since the recording was finished.
    public var maximumAge: Int64
    /// Bytes of all recordings together.
    public var maximumBytes: Int64
    /// Bytes of the disk that recordings must leave.
    public var minimumFreeBytes: Int64

    public init(maximumAge: Int64 = 0, maximumBytes: Int64 = 0, minimumFreeBytes: Int64 = 0) {
        self.maximumAge = maximumAge
        self.maximumBytes = maximumBytes
        self.minimumFreeBytes = minimumFreeBytes
    }

    /// Who removes recordings for room removes enough of them for others to start.
    func making(roomOf level: DiskLevel) -> RetentionRules {
        var rules = self
        if rules.minimumFreeBytes > 0 { rules.minimumFreeBytes = max(rules.minimumFreeBytes, level.sufficient) }
        return rules
    }

    var isOn: Bool { self.maximumAge > 0 || self.maximumBytes > 0 || self.minimumFreeBytes > 0 }
}
