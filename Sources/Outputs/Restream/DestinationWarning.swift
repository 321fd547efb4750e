import Media
public import Streams

/// Something about a stream that the platform it is pushed to does not take well. Nothing is refused for it: the platform decides.
public struct DestinationWarning: Sendable, Equatable {
    public enum Code: String, Sendable, CaseIterable {
        case keyframeInterval
        case videoBitrate
        case audioBitrate
        case videoCodec
        case audioCodec
        case bFrames
        case noSound
    }

    public var code: Code
    /// For people.
    public var message: String

    /// A little beyond a limit is within what is measured, and what platforms let pass.
    private static let tolerance = 1.1

    /// What of a stream is beyond what a platform takes. `hasSilence`: silent sound is added where there is none.
    public static func all(of stream: StreamSnapshot, for preset: PlatformPreset, hasSilence: Bool) -> [DestinationWarning] {
        var found: [DestinationWarning] = []
        if let interval = stream.keyframeInterval?.seconds, interval > preset.longestKeyframeInterval * Self.tolerance {
            found.append(
                .init(
                    code: .keyframeInterval,
                    message: "a keyframe every \(tenths(interval)) s; \(preset.name) wants one every \(tenths(preset.keyframeInterval)) s"))
        }
        for (code, bitrate, limit) in [
            (Code.videoBitrate, stream.videoBitrate, preset.videoBitrate), (.audioBitrate, stream.audioBitrate, preset.audioBitrate),
        ] where Double(bitrate) > Double(limit) * Self.tolerance {
            found.append(.init(code: code, message: "\(bitrate / 1_000) kb/s; \(preset.name) takes \(limit / 1_000) kb/s"))
        }
        for (code, kind, codecs) in [(Code.videoCodec, MediaKind.video, preset.videoCodecs), (.audioCodec, .audio, preset.audioCodecs)] {
            guard let track = stream.tracks.first(where: { $0.kind == kind }), !codecs.contains(track.codec) else { continue }
            let taken = codecs.map(\.rawValue).joined(separator: ", ")
            found.append(.init(code: code, message: "\(track.codec.rawValue); \(preset.name) takes \(taken)"))
        }
        if stream.health.hasReorderedPictures, !preset.allowsBFrames {
            found.append(.init(code: .bFrames, message: "B-frames; \(preset.name) takes none"))
        }
        if preset.needsSound, !hasSilence, !stream.tracks.contains(where: { $0.kind == .audio }) {
            found.append(.init(code: .noSound, message: "no sound; \(preset.name) shows nothing without"))
        }
        return found
    }
}

private func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
