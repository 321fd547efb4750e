public import NIOCore

extension Track {
    /// What the track becomes with parameter sets that came in the stream (each with its NAL header), or nil when they change nothing.
    ///
    /// A new sequence parameter set replaces everything; picture parameter sets alone are added to, or replace by number, those there are.
    /// - Throws: when the sets do not parse, or do not make a whole configuration. The track so far stays good for the frames before.
    public func refreshed(byParameterSets sets: [[UInt8]]) throws(MediaError) -> Track? {
        guard !sets.isEmpty else { return nil }
        switch self.codec {
        case .h264: return try self.changed(to: Self.merged(AVCConfiguration(record: self.configuration), with: sets)?.record)
        case .hevc: return try self.changed(to: Self.merged(HEVCConfiguration(record: self.configuration), with: sets)?.record)
        case .av1, .vp8, .vp9, .aac, .opus, .mp3, .vorbis: throw .unsupportedCodec(self.codec)
        }
    }

    /// What the track becomes with what a keyframe says of itself (H.264 and HEVC parameter sets, the AV1 sequence header, the VP8 and VP9 frame
    /// size), or nil when that changes nothing. Audio never changes this way.
    public func refreshed(byKeyframe payload: ByteBuffer) throws(MediaError) -> Track? {
        switch self.codec {
        case .h264, .hevc:
            return try self.refreshed(byParameterSets: NALAccessUnit(payload, codec: self.codec).parameterSets)
        case .av1:
            guard let header = try AV1SequenceHeader(temporalUnit: payload) else { return nil }
            guard try AV1Configuration(record: self.configuration).sequenceHeader != header else { return nil }
            return try self.changed(to: AV1Configuration(sequenceHeader: header).record)
        case .vp9:
            let header = try VP9KeyframeHeader(payload)
            var configuration = try VPConfiguration(record: self.configuration)
            configuration.adopt(header)
            return self.changed(to: configuration.record, width: header.width, height: header.height)
        case .vp8:
            let header = try VP8KeyframeHeader(payload)
            return self.changed(to: self.configuration, width: header.width, height: header.height)
        case .aac, .opus, .mp3, .vorbis:
            return nil
        }
    }

    private func changed(to record: [UInt8]?) throws(MediaError) -> Track? {
        guard let record, record != self.configuration else { return nil }
        // Which way up it is shown is the container's word.
        return try Track(id: self.id, codec: self.codec, configuration: record).turned(self.video?.turn ?? .none)
    }

    private func changed(to record: [UInt8], width: Int, height: Int) -> Track? {
        guard record != self.configuration || self.video?.width != width || self.video?.height != height else { return nil }
        let format = VideoFormat(width: width, height: height, frameRate: self.video?.frameRate, turn: self.video?.turn ?? .none)
        return Track(id: self.id, codec: self.codec, configuration: record, format: .video(format))
    }

    private static func merged(_ old: AVCConfiguration, with sets: [[UInt8]]) throws(MediaError) -> AVCConfiguration? {
        let sequence = sets.filter { AVCNALUnitType(header: $0.first ?? 0) == .sequenceParameterSet }
        let picture = sets.filter { AVCNALUnitType(header: $0.first ?? 0) == .pictureParameterSet }
        if sequence.contains(where: { !old.sequenceParameterSets.contains($0) }) {
            return try AVCConfiguration(
                sequenceParameterSets: sequence, pictureParameterSets: picture.isEmpty ? old.pictureParameterSets : picture)
        }
        guard picture.contains(where: { !old.pictureParameterSets.contains($0) }) else { return nil }
        return try AVCConfiguration(
            sequenceParameterSets: old.sequenceParameterSets,
            pictureParameterSets: self.replacing(old.pictureParameterSets, with: picture, headerLength: 1))
    }

    private static func merged(_ old: HEVCConfiguration, with sets: [[UInt8]]) throws(MediaError) -> HEVCConfiguration? {
        func found(_ type: HEVCNALUnitType) -> [[UInt8]] { sets.filter { HEVCNALUnitType(header: $0.first ?? 0) == type } }
        let video = found(.videoParameterSet)
        let sequence = found(.sequenceParameterSet)
        let picture = found(.pictureParameterSet)
        if sequence.contains(where: { !old.sequenceParameterSets.contains($0) })
            || video.contains(where: { !old.videoParameterSets.contains($0) })
        {
            return try HEVCConfiguration(
                videoParameterSets: video.isEmpty ? old.videoParameterSets : video,
                sequenceParameterSets: sequence.isEmpty ? old.sequenceParameterSets : sequence,
                pictureParameterSets: picture.isEmpty ? old.pictureParameterSets : picture)
        }
        guard picture.contains(where: { !old.pictureParameterSets.contains($0) }) else { return nil }
        return try HEVCConfiguration(
            videoParameterSets: old.videoParameterSets, sequenceParameterSets: old.sequenceParameterSets,
            pictureParameterSets: self.replacing(old.pictureParameterSets, with: picture, headerLength: 2))
    }

    /// Picture parameter sets begin with their number in both codecs.
    private static func replacing(_ old: [[UInt8]], with new: [[UInt8]], headerLength: Int) throws(MediaError) -> [[UInt8]] {
        func number(_ set: [UInt8]) throws(MediaError) -> UInt32 {
            var reader = BitReader(nalUnit: set, headerLength: headerLength)
            return try reader.unsignedExpGolomb(limit: 255)
        }
        var result = old
        for set in new {
            let wanted = try number(set)
            var place: Int?
            for (index, kept) in result.enumerated() where try number(kept) == wanted { place = index }
            if let place { result[place] = set } else { result.append(set) }
        }
        return result
    }
}
