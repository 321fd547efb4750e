public import Media
public import NIOCore

/// What a publisher says of its stream in `onMetaData`. Hints only: the configuration records are the truth.
public struct StreamMetadata: Sendable, Equatable {
    /// Everything that was sent, in order.
    public var properties: AMF0Object

    public init(properties: AMF0Object) { self.properties = properties }

    /// Pixels; nil unless a whole number of 1...65535.
    public var width: Int? { self.pixels("width") }
    public var height: Int? { self.pixels("height") }
    /// Frames per second; nil unless within 0...1000.
    public var frameRate: Double? {
        guard let rate = (self.properties["framerate"] ?? self.properties["fps"])?.number, rate > 0, rate <= 1000 else { return nil }
        return rate
    }
    public var videoCodec: Codec? {
        switch self.properties["videocodecid"] {
        case .number(7): .h264
        case .number(12): .hevc
        case let value: Self.codec(value, .video)
        }
    }
    public var audioCodec: Codec? {
        switch self.properties["audiocodecid"] {
        case .number(10): .aac
        case .number(2), .number(14): .mp3
        case let value: Self.codec(value, .audio)
        }
    }
    /// The software or device that encodes.
    public var encoder: String? { self.properties["encoder"]?.string }

    /// The values of a data message when it is `onMetaData`, with or without `@setDataFrame` in front; nil for any other.
    init?(_ values: [AMF0Value]) {
        var values = values[...]
        if values.first?.string == "@setDataFrame" { values = values.dropFirst() }
        guard values.first?.string == "onMetaData", let properties = values.dropFirst().first?.object else { return nil }
        self.properties = properties
    }

    /// What we say of our own tracks, at most one of each kind; an FLV header knows no more.
    public init(_ tracks: [Track], encoder: String) {
        var properties: AMF0Object = ["duration": 0]
        if let track = tracks.first(where: { $0.kind == .video }) {
            if let format = track.video {
                properties.append("width", .number(Double(format.width)))
                properties.append("height", .number(Double(format.height)))
                if let rate = format.frameRate { properties.append("framerate", .number(rate)) }
            }
            if let codec = Self.identifier(track.codec) { properties.append("videocodecid", codec) }
        }
        if let track = tracks.first(where: { $0.kind == .audio }) {
            if let format = track.audio {
                properties.append("audiosamplerate", .number(Double(format.sampleRate)))
                properties.append("audiosamplesize", 16)
                properties.append("stereo", .boolean(format.channelCount > 1))
                properties.append("audiochannels", .number(Double(format.channelCount)))
            }
            if let codec = Self.identifier(track.codec) { properties.append("audiocodecid", codec) }
        }
        properties.append("encoder", .string(encoder))
        self.properties = properties
    }

    /// The body of a data message (type 18): for players as it is, for a server with `@setDataFrame` in front.
    public func payload(forServer: Bool) -> ByteBuffer {
        AMF0Encoder.encode((forServer ? ["@setDataFrame"] : []) + ["onMetaData", .ecmaArray(self.properties)])
    }

    private func pixels(_ name: String) -> Int? {
        guard let number = self.properties[name]?.number, number >= 1, number <= 65535 else { return nil }
        return Int(number)
    }

    /// Enhanced RTMP says codecs by FourCC, as a number; some write its text.
    private static func codec(_ value: AMF0Value?, _ kind: MediaKind) -> Codec? {
        var found: Codec?
        if let number = value?.number, number >= 0, number <= Double(UInt32.max) { found = FourCC(rawValue: UInt32(number)).codec }
        if let text = value?.string { found = Codec.allCases.first { FourCC($0)?.text == text } }
        return found?.kind == kind ? found : nil
    }

    private static func identifier(_ codec: Codec) -> AMF0Value? {
        switch codec {
        case .h264: 7
        case .aac: 10
        case .mp3: 2
        case .hevc, .av1, .vp8, .vp9, .opus, .vorbis: FourCC(codec).map { .number(Double($0.rawValue)) }
        }
    }
}
