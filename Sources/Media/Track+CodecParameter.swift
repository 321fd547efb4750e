extension Track {
    /// How playlists and media types name this codec (RFC 6381, and the codecs' own ISO media file bindings), e.g. `avc1.64001f`.
    ///
    /// MP3 is `mp4a.40.34`: the name Apple's HLS documents and every HLS player knows. (`mp4a.6B`, the object type of the `esds` box, is what a
    /// `SourceBuffer` in Chromium wants; HLS players that use one look into the init segment for it.) Opus is `opus`, as Apple and browsers have it.
    public var codecParameter: String {
        switch self.codec {
        case .h264:
            guard self.configuration.count >= 4 else { return "avc1" }
            return "avc1." + self.configuration[1...3].map { Self.hexadecimal(UInt64($0), width: 2) }.joined()
        case .hevc:
            return self.hevcParameter
        case .av1:
            return self.av1Parameter
        case .vp9:
            return self.vpParameter(prefix: "vp09")
        case .vp8:
            return "vp8"
        case .aac:
            guard let config = self.parsed({ bytes throws(MediaError) in try AudioSpecificConfig(bytes: bytes) }) else { return "mp4a.40.2" }
            return "mp4a.40.\(config.objectType)"
        case .opus:
            return "opus"
        case .vorbis:
            return "vorbis"
        case .mp3:
            return "mp4a.40.34"
        }
    }

    /// ISO/IEC 14496-15 §E.3.
    private var hevcParameter: String {
        guard
            let profile = self.parsed({ bytes throws(MediaError) in
                var reader = BitReader(bytes.dropFirst())
                return try HEVCProfile(from: &reader)
            })
        else { return "hvc1" }
        let space = ["", "A", "B", "C"][Int(profile.space & 3)]
        var reversed: UInt32 = 0
        for bit in 0..<32 where profile.compatibilityFlags & (1 << UInt32(bit)) != 0 { reversed |= 1 << UInt32(31 - bit) }
        var constraints = profile.constraintBytes
        while constraints.last == 0 { constraints.removeLast() }
        let parts =
            ["hvc1", "\(space)\(profile.profile)", Self.hexadecimal(UInt64(reversed)), (profile.isHighTier ? "H" : "L") + "\(profile.level)"]
            + constraints.map { Self.hexadecimal(UInt64($0)) }
        return parts.joined(separator: ".")
    }

    /// AV1-ISOBMFF §5: the short form, as every optional field has its default in a live stream.
    private var av1Parameter: String {
        guard let config = self.parsed({ bytes throws(MediaError) in try AV1Configuration(record: bytes) }) else { return "av01.0.04M.08" }
        return "av01.\(config.profile).\(Self.decimal(config.level))\(config.isHighTier ? "H" : "M").\(Self.decimal(UInt8(config.bitDepth)))"
    }

    private func vpParameter(prefix: String) -> String {
        let config = self.parsed({ bytes throws(MediaError) in try VPConfiguration(record: bytes) }) ?? VPConfiguration()
        let size = self.video
        let level = config.level != 0 ? config.level : VPConfiguration.level(width: size?.width ?? 0, height: size?.height ?? 0)
        return "\(prefix).\(Self.decimal(config.profile)).\(Self.decimal(level)).\(Self.decimal(config.bitDepth))"
    }

    /// A track's record was checked when the track was made; one that was made from parts elsewhere may still be wrong, and then the codec's most
    /// common name must do.
    private func parsed<Value>(_ parse: ([UInt8]) throws(MediaError) -> Value) -> Value? {
        do throws(MediaError) {
            return try parse(self.configuration)
        } catch {
            return nil
        }
    }

    private static func hexadecimal(_ value: UInt64, width: Int = 1) -> String {
        let digits = String(value, radix: 16, uppercase: width == 1)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func decimal(_ value: UInt8) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
