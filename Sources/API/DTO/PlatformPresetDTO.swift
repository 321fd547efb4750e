import Media
import Outputs

/// A platform that endpoints are often of, for whoever offers a choice of them.
struct PlatformPresetDTO: JSONWritable {
    var preset: PlatformPreset

    func write(to writer: inout JSONWriter) {
        let preset = self.preset
        writer.object { writer in
            writer.member("id", preset.id)
            writer.member("name", preset.name)
            writer.member("urls", texts: preset.urls)
            writer.member("secure", preset.urls.contains { $0.hasPrefix("rtmps:") })
            writer.member("keyframeInterval", preset.keyframeInterval)
            writer.member("longestKeyframeInterval", preset.longestKeyframeInterval)
            writer.member("videoBitrate", preset.videoBitrate)
            writer.member("audioBitrate", preset.audioBitrate)
            writer.member("videoCodecs", texts: preset.videoCodecs.map(\.rawValue))
            writer.member("audioCodecs", texts: preset.audioCodecs.map(\.rawValue))
            writer.member("bFrames", preset.allowsBFrames)
            writer.member("soundNeeded", preset.needsSound)
        }
    }
}
