public import Media
public import NIOCore

/// Takes one track out of initialisation segments and fragments that `FragmentWriter` has written, for DASH, whose players want one track in each
/// file. What it gives has the one track under number 1. The media is packaged and kept once, with all its tracks; this makes the view of one.
public enum TrackExtractor {
    public enum Failure: Error, Sendable, Hashable {
        /// Not as `FragmentWriter` writes them, as of a file that was cut short.
        case malformed
    }

    /// The initialisation segment of one of `tracks`.
    public static func initSegment(of track: Track) throws(PackagingError) -> ByteBuffer {
        try FragmentWriter(tracks: [track]).initSegment
    }

    /// The fragments of the track of this index, from 0, in a segment or part. Empty but for `styp` when the track has no sample in it.
    public static func extract(track index: Int, from segment: ByteBuffer) throws(Failure) -> ByteBuffer {
        var rest = segment
        var output = ByteBufferAllocator().buffer(capacity: segment.readableBytes)
        var fragment: TrackFragment?
        while rest.readableBytes > 0 {
            let start = rest.readerIndex
            guard let box = rest.readBox() else { throw .malformed }
            var body = box.body
            switch box.type {
            case Self.moof:
                fragment = try self.fragment(&body, size: rest.readerIndex - start, number: UInt32(clamping: index + 1))
            case Self.mdat:
                guard let wanted = fragment else { continue }
                guard let media = body.getSlice(at: body.readerIndex + wanted.offset, length: wanted.length) else { throw .malformed }
                self.write(wanted, media, into: &output)
                fragment = nil
            default:
                guard let whole = segment.getSlice(at: start, length: rest.readerIndex - start) else { throw .malformed }
                output.writeImmutableBuffer(whole)
            }
        }
        return output
    }

    private static let moof: UInt32 = 0x6D6F_6F66
    private static let mdat: UInt32 = 0x6D64_6174
    private static let mfhd: UInt32 = 0x6D66_6864
    private static let traf: UInt32 = 0x7472_6166
    private static let tfhd: UInt32 = 0x7466_6864
    private static let tfdt: UInt32 = 0x7466_6474
    private static let trun: UInt32 = 0x7472_756E

    /// What a `moof` says of one track.
    private struct TrackFragment {
        var sequence: UInt32
        var header: ByteBuffer
        var decodeTime: ByteBuffer
        var run: ByteBuffer
        /// Of its samples within the `mdat`'s body.
        var offset: Int
        var length: Int
    }

    private static func fragment(_ body: inout ByteBuffer, size: Int, number: UInt32) throws(Failure) -> TrackFragment? {
        var sequence: UInt32 = 0
        while body.readableBytes > 0 {
            guard let (type, box) = body.readBox() else { throw .malformed }
            if type == self.mfhd {
                guard let value = box.getInteger(at: box.readerIndex + 4, as: UInt32.self) else { throw .malformed }
                sequence = value
            }
            guard type == self.traf else { continue }
            if let fragment = try self.track(box, moofSize: size, number: number, sequence: sequence) { return fragment }
        }
        return nil
    }

    private static func track(_ traf: ByteBuffer, moofSize: Int, number: UInt32, sequence: UInt32) throws(Failure) -> TrackFragment? {
        var traf = traf
        var header: ByteBuffer?
        var decodeTime: ByteBuffer?
        var run: ByteBuffer?
        while traf.readableBytes > 0 {
            guard let (type, box) = traf.readBox() else { throw .malformed }
            switch type {
            case self.tfhd: header = box
            case self.tfdt: decodeTime = box
            case self.trun: run = box
            default: break
            }
        }
        guard let header, let decodeTime, let run, let own = header.getInteger(at: header.readerIndex + 4, as: UInt32.self) else { throw .malformed }
        guard own == number else { return nil }
        let (offset, length) = try self.extent(of: run)
        // Offsets count from the `moof`; the `mdat` behind it has a header of eight bytes.
        guard offset >= moofSize + 8 else { throw .malformed }
        return TrackFragment(
            sequence: sequence, header: header, decodeTime: decodeTime, run: run, offset: offset - moofSize - 8, length: length)
    }

    /// Data offset and bytes of a track run; sizes stand with every sample (ISO/IEC 14496-12 §8.8.8).
    private static func extent(of run: ByteBuffer) throws(Failure) -> (offset: Int, length: Int) {
        var run = run
        guard let flags = run.readInteger(as: UInt32.self), let count = run.readInteger(as: UInt32.self), flags & 0x201 == 0x201,
            let offset = run.readInteger(as: Int32.self)
        else { throw .malformed }
        let before = flags & 0x100 != 0 ? 4 : 0
        let after = (flags & 0x400 != 0 ? 4 : 0) + (flags & 0x800 != 0 ? 4 : 0)
        guard run.readableBytes == Int(count) * (4 + before + after) else { throw .malformed }
        var length = 0
        for _ in 0..<count {
            run.moveReaderIndex(forwardBy: before)
            guard let size = run.readInteger(as: UInt32.self) else { throw .malformed }
            length += Int(size)
            run.moveReaderIndex(forwardBy: after)
        }
        return (Int(offset), length)
    }

    private static func write(_ fragment: TrackFragment, _ media: ByteBuffer, into output: inout ByteBuffer) {
        let start = output.writerIndex
        var offsetPlace = 0
        output.writeBox("moof") { buffer in
            buffer.writeFullBox("mfhd") { $0.writeInteger(fragment.sequence) }
            buffer.writeBox("traf") { buffer in
                buffer.writeBox("tfhd") { buffer in
                    var header = fragment.header
                    header.setInteger(UInt32(1), at: header.readerIndex + 4)
                    buffer.writeImmutableBuffer(header)
                }
                buffer.writeBox("tfdt") { $0.writeImmutableBuffer(fragment.decodeTime) }
                buffer.writeBox("trun") { buffer in
                    offsetPlace = buffer.writerIndex + 8
                    buffer.writeImmutableBuffer(fragment.run)
                }
            }
        }
        output.setInteger(Int32(clamping: output.writerIndex - start + 8), at: offsetPlace)
        output.writeBox("mdat") { $0.writeImmutableBuffer(media) }
    }
}

extension ByteBuffer {
    /// Type and body of the box that comes next; nil when it is not whole. Boxes of more than 4 GiB are not ours.
    fileprivate mutating func readBox() -> (type: UInt32, body: ByteBuffer)? {
        var lookahead = self
        guard let size = lookahead.readInteger(as: UInt32.self), let type = lookahead.readInteger(as: UInt32.self), size >= 8,
            let body = lookahead.readSlice(length: Int(size) - 8)
        else { return nil }
        self = lookahead
        return (type, body)
    }
}
