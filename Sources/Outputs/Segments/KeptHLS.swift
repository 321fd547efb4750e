public import AV
import Media
import NIOCore
import Packaging
import Synchronization

/// The segments of one broadcast that live HLS has at a moment, to be made into a file. They may go while they are read, the oldest first: the file
/// then begins behind them.
public final class KeptHLS: Sendable {
    private struct Piece: Sendable {
        var number: UInt64
        /// It begins with a keyframe.
        var isIndependent: Bool
        /// When its first picture was, in milliseconds since 1970; nil when that is not known.
        var startMilliseconds: Int64?
    }

    /// Segments that follow each other and need the same init segment.
    private struct Stretch: Sendable {
        var tracks: [Track]
        var initSegment: ByteBuffer
        var pieces: [Piece]
    }

    /// What `write` made.
    public struct Written: Sendable {
        /// In their order.
        public var paths: [String]
        /// Of all files together.
        public var bytes: Int64
        /// When the first picture in them was, in milliseconds since 1970; nil when that is not known.
        public var startMilliseconds: Int64?
    }

    let run: HLSRun
    /// The number of the next segment, as long as none is added.
    let nextNumber: UInt64
    private let stretches: [Stretch]
    /// When the first segment's first picture was, in milliseconds since 1970; nil when that is not known.
    public let startMilliseconds: Int64?

    /// Nil when there is no segment that a file can begin with.
    init?(_ run: HLSRun) {
        let (entries, nextNumber) = run.listed
        var stretches: [Stretch] = []
        var version: Int?
        // Where the entry at hand begins, if it does not say so itself.
        var clock: Int64?
        for entry in entries {
            let start = entry.programDateTimeMilliseconds ?? clock
            clock = start.map { $0 + entry.duration.milliseconds }
            if entry.initVersion != version || stretches.isEmpty {
                version = nil
                guard let tracks = run.tracks(ofInit: entry.initVersion), let initSegment = run.initSegment(entry.initVersion) else {
                    // A file has no hole in it: it begins behind what cannot be read.
                    stretches = []
                    continue
                }
                // One file has one kind of picture and sound: with other ones it begins anew.
                if let last = stretches.last, last.tracks != tracks { stretches = [] }
                // Nothing can be decoded before a keyframe.
                guard !stretches.isEmpty || entry.isIndependent else { continue }
                version = entry.initVersion
                stretches.append(Stretch(tracks: tracks, initSegment: initSegment, pieces: []))
            }
            stretches[stretches.count - 1].pieces.append(
                Piece(number: entry.number, isIndependent: entry.isIndependent, startMilliseconds: start))
        }
        guard let first = stretches.first?.pieces.first else { return nil }
        self.run = run
        self.nextNumber = nextNumber
        self.stretches = stretches
        self.startMilliseconds = first.startMilliseconds
    }

    /// How many files `write` makes, at most.
    public var count: Int { self.stretches.count }

    /// Writes each stretch as a fragmented mp4. Blocks. Leading segments that have gone are left out, up to the next one with which a file can begin.
    /// - Parameters:
    ///   - path: of the file of that index, which must not exist.
    ///   - hasRoom: asked before every segment, and once more at the end, whether so many more bytes may be written: with those of the file into
    ///     which all is joined then, while the pieces are still there.
    ///   - onProgress: how much is written, 0…1.
    /// - Throws: `noSpace`, and `invalidData` when nothing is left to write or a segment behind the first is gone.
    public func write(
        to path: (Int) -> String, hasRoom: (Int64) -> Bool, interrupt: Interrupt, onProgress: (Double) -> Void
    ) throws(AVFailure) -> Written {
        let total = self.stretches.reduce(0) { $0 + $1.pieces.count }
        var written = Written(paths: [], bytes: 0, startMilliseconds: nil)
        var done = 0
        for (index, stretch) in self.stretches.enumerated() {
            var sink: FileSink?
            for piece in stretch.pieces {
                if let cause = interrupt.cause { throw AVFailure(cause: cause, operation: "write segments", text: "ended early") }
                done += 1
                guard !written.paths.isEmpty || piece.isIndependent else { continue }
                guard let bytes = self.bytes(of: piece.number) else {
                    guard written.paths.isEmpty else {
                        throw AVFailure(cause: .invalidData, operation: "write segments", text: "segment \(piece.number) is gone")
                    }
                    continue
                }
                let head = sink == nil ? stretch.initSegment : ByteBuffer()
                let added = Int64(head.readableBytes + bytes.readableBytes)
                try Self.require(hasRoom, written.bytes + added * 2)
                let target: FileSink
                if let sink { target = sink } else { target = try FileSink(path: path(index), creation: .exclusive) }
                if sink == nil {
                    if written.paths.isEmpty { written.startMilliseconds = piece.startMilliseconds }
                    written.paths.append(path(index))
                    sink = target
                }
                try target.write(head)
                try target.write(bytes)
                written.bytes += added
                onProgress(Double(done) / Double(max(1, total)))
            }
        }
        guard !written.paths.isEmpty else { throw AVFailure(cause: .invalidData, operation: "write segments", text: "they are gone") }
        try Self.require(hasRoom, written.bytes)
        return written
    }

    private static func require(_ hasRoom: (Int64) -> Bool, _ bytes: Int64) throws(AVFailure) {
        guard hasRoom(bytes) else { throw AVFailure(cause: .noSpace, operation: "write segments", text: "no room") }
    }

    private func bytes(of number: UInt64) -> ByteBuffer? {
        switch self.run.segment(number) {
        case .memory(let bytes): bytes
        case .file(let path, let offset, let length): SessionDirectory.read(path, offset: offset, length: length)
        // The one that is being made is not listed.
        case .growing, nil: nil
        }
    }

}

extension HLSRun {
    /// The segments in the longest playlist there is, and the number of the one after them.
    fileprivate var listed: (entries: [MediaPlaylist.Entry], nextNumber: UInt64) {
        self.state.withLock { (($0.history ?? $0.playlist?.media)?.entries ?? [], $0.continuation.number) }
    }

    fileprivate func tracks(ofInit version: Int) -> [Track]? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let tracks = shelf.tracks(ofInit: version) { return tracks }
        }
        return nil
    }
}
