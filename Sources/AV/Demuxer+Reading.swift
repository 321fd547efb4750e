import CFFmpeg
import Media

extension Demuxer {
    /// A stream as FFmpeg has it now; nil beyond the last.
    func stream(_ index: Int) -> AVStream? {
        guard let context = self.context, index >= 0, index < Int(context.pointee.nb_streams) else { return nil }
        return context.pointee.streams[index]?.pointee
    }

    /// What a stream holds now. Asked with every packet, so without a copy of all that FFmpeg knows of it.
    func codecID(of index: Int) -> AVCodecID? {
        guard let context = self.context, index >= 0, index < Int(context.pointee.nb_streams) else { return nil }
        return context.pointee.streams[index]?.pointee.codecpar.pointee.codec_id
    }

    /// Packets of the other streams are not read: a master playlist's other variants are not even fetched. Streams that turn up later are.
    func discard(allBut kept: [Int]) {
        guard let context = self.context else { return }
        for index in 0..<Int(context.pointee.nb_streams) {
            context.pointee.streams[index]?.pointee.discard = kept.contains(index) ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// Goes to the last keyframe of stream `video` at or before `time` (from the input's start), and says when it is shown; nil without video, or when
    /// the input has no such keyframe and reading goes on at its start.
    ///
    /// Containers with an index land there by themselves. Transport streams and HLS land anywhere, or on the keyframe after: then what lies
    /// before is looked through.
    func seekToKeyframe(
        before time: MediaTime, video: Int?, using packet: borrowing Packet
    ) throws(AVFailure) -> MediaTime? {
        guard let video, let base = self.timeBase(of: video) else {
            try self.seek(to: time)
            return nil
        }
        let target = max(time, .zero) + (self.startTime ?? .zero)
        let clock = PacketClock(numerator: base.num, denominator: base.den)
        for stepBack in [0, 3, 10, 30, 120] as [Int64] {
            let from = time - MediaTime(milliseconds: stepBack * 1000)
            try self.seek(to: from)
            let found = try self.lastKeyframe(of: video, upTo: target, acceptsFirst: stepBack == 0 && !self.hasNoIndex, clock: clock, using: packet)
            if let found {
                try self.seek(to: from)
                return found
            }
            if from <= .zero { break }
        }
        try self.seek(to: .zero)
        return nil
    }

    /// Reads on. With `acceptsFirst` only the first packet is looked at: a keyframe in the right place is what an index led to.
    private func lastKeyframe(
        of video: Int, upTo target: MediaTime, acceptsFirst: Bool, clock: PacketClock, using packet: borrowing Packet
    ) throws(AVFailure) -> MediaTime? {
        var found: MediaTime?
        while try self.read(into: packet) {
            guard packet.streamIndex == video, let presentation = clock.time(packet.presentationTime ?? packet.decodeTime) else { continue }
            if packet.isKeyframe, presentation <= target { found = presentation }
            if acceptsFirst || clock.time(packet.decodeTime) ?? presentation > target { return found }
        }
        return found
    }
}
