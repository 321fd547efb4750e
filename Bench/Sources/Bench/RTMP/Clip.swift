import Glibc

/// The clip all publishers send, as RTMP messages ready for the wire. One copy for all: what differs per send (timestamp, message stream,
/// frame number) is written into it just before.
final class Clip {
    struct Message {
        /// In `bytes`.
        var offset: Int
        var count: Int
        var bodyCount: Int
        /// Milliseconds since the clip's first message.
        var timestamp: UInt32
        var isVideo: Bool
        var isKeyframe: Bool
        /// In `bytes`, of a video frame's number; 0 for audio.
        var markOffset: Int
    }

    /// Sent once, when publishing begins: metadata and the codec configurations.
    private(set) var opening: [[UInt8]] = []
    private(set) var messages: [Message] = []
    let bytes: UnsafeMutablePointer<UInt8>
    /// Milliseconds after which the clip is sent again.
    let period: UInt32
    /// Of a second of the clip, without chunk headers.
    let bytesPerSecond: Double
    let videoFrames: Int

    /// - Parameter period: milliseconds; what the file has beyond is left out. A multiple of the frame durations keeps the loop seamless.
    init(path: String, period: UInt32) throws(LoadFailure) {
        var reader = FLVReader(bytes: try FileBytes.read(path))
        try reader.skipHeader()
        var wire: [UInt8] = []
        var bodyBytes = 0
        while let tag = reader.next() {
            guard tag.timestamp < period else { continue }
            switch tag.kind {
            case .metadata: self.opening.append(Commands.message(chunkStream: 4, type: 18, stream: 1, body: AMF.string("@setDataFrame") + tag.body))
            case .audioConfiguration: self.opening.append(Commands.message(chunkStream: 4, type: 8, stream: 1, body: tag.body))
            case .videoConfiguration: self.opening.append(Commands.message(chunkStream: 6, type: 9, stream: 1, body: tag.body))
            case .audio, .video:
                let isVideo = tag.kind == .video
                // The mark goes between the five bytes of the FLV video header and the first NAL unit.
                let body = isVideo ? tag.body.prefix(5) + FrameMark.unit + tag.body.dropFirst(5) : tag.body
                let message = Commands.message(chunkStream: isVideo ? 6 : 4, type: isVideo ? 9 : 8, stream: 1, body: Array(body))
                self.messages.append(
                    Message(
                        offset: wire.count, count: message.count, bodyCount: body.count, timestamp: tag.timestamp, isVideo: isVideo,
                        isKeyframe: isVideo && tag.body[0] >> 4 == 1, markOffset: isVideo ? wire.count + 12 + 5 + FrameMark.digitsOffset : 0))
                wire += message
                bodyBytes += body.count
            }
        }
        guard self.opening.count == 3, self.messages.first(where: \.isVideo)?.isKeyframe == true else {
            throw .malformed("\(path): metadata, both configurations and a keyframe are needed")
        }
        self.period = period
        self.bytesPerSecond = Double(bodyBytes) / Double(period) * 1000
        self.videoFrames = self.messages.count { $0.isVideo }
        self.bytes = .allocate(capacity: wire.count)
        self.bytes.initialize(from: wire, count: wire.count)
    }

    deinit { self.bytes.deallocate() }

    /// Writes what is different in each send of a message.
    func stamp(_ message: Message, timestamp: UInt32, stream: UInt32, number: Int) {
        let header = self.bytes + message.offset
        for place in 0..<3 { header[1 + place] = UInt8(truncatingIfNeeded: timestamp >> UInt32(16 - 8 * place)) }
        for place in 0..<4 { header[8 + place] = UInt8(truncatingIfNeeded: stream >> UInt32(8 * place)) }
        if message.isVideo { FrameMark.write(number, to: self.bytes + message.markOffset) }
    }
}
