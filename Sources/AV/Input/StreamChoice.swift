import CFFmpeg
import Media

/// Which of an input's streams are read: at most one picture and one sound, of one programme.
struct StreamChoice {
    var video: Int?
    var audio: Int?

    init(_ context: UnsafeMutablePointer<AVFormatContext>, options: FrameReader.Options) {
        let streams = (0..<Int(context.pointee.nb_streams)).compactMap { context.pointee.streams[$0] }
        if options.video {
            let usable = streams.filter { Self.isUsable($0.pointee, .video, options) }
            // The largest picture: the best variant of a master playlist; among equals FFmpeg's own choice, then the first.
            let favourite = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0)
            self.video = Self.best(usable) { stream in
                (Self.pixels(stream), Self.variantBitrate(stream), stream.index == favourite ? 1 : 0)
            }
        }
        if options.audio {
            let usable = streams.filter { Self.isUsable($0.pointee, .audio, options) }
            let companions = self.video.map { Self.companions(of: $0, in: context) } ?? []
            self.audio = Self.best(usable) { stream in
                let isDefault = stream.disposition & AV_DISPOSITION_DEFAULT != 0
                let passes = Codec(carried: stream.codecpar.pointee.codec_id) != nil
                return (companions.contains(Int(stream.index)) ? 1 : 0, isDefault ? 1 : 0, passes ? 1 : 0)
            }
        }
    }

    /// Whether a stream can be carried as `options` have it, by itself or through a codec.
    static func isUsable(_ stream: AVStream, _ kind: MediaKind, _ options: FrameReader.Options) -> Bool {
        let parameters = stream.codecpar.pointee
        let type = kind == .video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO
        guard parameters.codec_type == type, stream.disposition & AV_DISPOSITION_ATTACHED_PIC == 0 else { return false }
        let passes = Codec(carried: parameters.codec_id) != nil
        if kind == .video, options.normalTo == nil { return passes }
        if options.normalTo == nil, passes { return true }
        guard options.normalTo != nil || options.transcodesAudio else { return false }
        return avcodec_find_decoder(parameters.codec_id) != nil
    }

    private static func best(_ streams: [UnsafeMutablePointer<AVStream>], _ rank: (AVStream) -> (Int, Int, Int)) -> Int? {
        var best: (index: Int, rank: (Int, Int, Int))?
        for stream in streams {
            let rank = rank(stream.pointee)
            if best.map({ $0.rank < rank }) ?? true { best = (Int(stream.pointee.index), rank) }
        }
        return best?.index
    }

    private static func pixels(_ stream: AVStream) -> Int {
        Int(stream.codecpar.pointee.width) * Int(stream.codecpar.pointee.height)
    }

    private static func variantBitrate(_ stream: AVStream) -> Int {
        guard let entry = av_dict_get(stream.metadata, "variant_bitrate", nil, 0), let value = entry.pointee.value else { return 0 }
        return Int(String(cString: value)) ?? 0
    }

    /// The streams of the first programme that `index` is in; empty without programmes.
    private static func companions(of index: Int, in context: UnsafeMutablePointer<AVFormatContext>) -> Set<Int> {
        guard let program = av_find_program_from_stream(context, nil, Int32(truncatingIfNeeded: index)) else { return [] }
        let count = Int(program.pointee.nb_stream_indexes)
        return Set((0..<count).map { Int(program.pointee.stream_index[$0]) })
    }
}
