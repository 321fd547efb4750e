public import AV
import Media
import NIOCore
import Packaging
import Synchronization

/// The segments of one broadcast that live HLS has at a moment, to be made into a file. They may go while they are read; what is gone by then is left
/// out.
public final class KeptHLS: Sendable {
    /// Segments that follow each other and need the same init segment.
    private struct Stretch: Sendable {
        var tracks: [Track]
        var initSegment: ByteBuffer
        var numbers: [UInt64]
    }

    private let run: HLSRun
    private let stretches: [Stretch]
    /// When the first segment's first picture was, in milliseconds since 1970; nil when that is not known.
    public let startMilliseconds: Int64?

    /// Nil when there is no segment that a file can begin with.
    init?(_ run: HLSRun) {
        self.run = run
        // Nothing can be decoded before a keyframe.
        let entries = run.listed.drop { !$0.isIndependent }
        var stretches: [Stretch] = []
        var version: Int?
        var start: Int64?
        for entry in entries {
            if entry.initVersion != version {
                guard let tracks = run.tracks(ofInit: entry.initVersion), let initSegment = run.initSegment(entry.initVersion) else { continue }
                version = entry.initVersion
                // One file has one kind of picture and sound: with other ones it begins anew.
                if let last = stretches.last, last.tracks != tracks { stretches = [] }
                if stretches.isEmpty { start = entry.programDateTimeMilliseconds }
                stretches.append(Stretch(tracks: tracks, initSegment: initSegment, numbers: []))
            }
            stretches[stretches.count - 1].numbers.append(entry.number)
        }
        guard !stretches.isEmpty else { return nil }
        self.stretches = stretches
        self.startMilliseconds = start
    }

    /// How many files `write` makes.
    public var count: Int { self.stretches.count }

    /// Writes each stretch as a fragmented mp4. Blocks.
    /// - Parameters:
    ///   - path: of the file of that index, which must not exist.
    ///   - hasRoom: asked before every segment whether so many more bytes may be written.
    ///   - onProgress: how much is written, 0…1.
    /// - Throws: `noSpace`, and `invalidData` when nothing is left to write.
    public func write(
        to path: (Int) -> String, hasRoom: (Int64) -> Bool, interrupt: Interrupt, onProgress: (Double) -> Void
    ) throws(AVFailure) -> [String] {
        let total = self.stretches.reduce(0) { $0 + $1.numbers.count }
        var (done, paths) = (0, [String]())
        for (index, stretch) in self.stretches.enumerated() {
            let sink = try FileSink(path: path(index), creation: .exclusive)
            try Self.write(stretch.initSegment, to: sink)
            var written = 0
            for number in stretch.numbers {
                if let cause = interrupt.cause { throw AVFailure(cause: cause, operation: "write segments", text: "ended early") }
                if let bytes = self.bytes(of: number) {
                    guard hasRoom(Int64(bytes.readableBytes)) else {
                        throw AVFailure(cause: .noSpace, operation: "write segments", text: "no room")
                    }
                    try Self.write(bytes, to: sink)
                    written += 1
                }
                done += 1
                onProgress(Double(done) / Double(max(1, total)))
            }
            if written > 0 { paths.append(path(index)) }
        }
        guard !paths.isEmpty else { throw AVFailure(cause: .invalidData, operation: "write segments", text: "they are gone") }
        return paths
    }

    private func bytes(of number: UInt64) -> ByteBuffer? {
        switch self.run.segment(number) {
        case .memory(let bytes): bytes
        case .file(let path, let offset, let length): SessionDirectory.read(path, offset: offset, length: length)
        // The one that is being made is not listed.
        case .growing, nil: nil
        }
    }

    private static func write(_ bytes: ByteBuffer, to sink: FileSink) throws(AVFailure) {
        let outcome = bytes.withUnsafeReadableBytes { bytes -> Result<Void, AVFailure> in
            do throws(AVFailure) {
                return .success(try sink.write(bytes))
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }
}

extension HLSRun {
    /// The segments in the longest playlist there is.
    fileprivate var listed: [MediaPlaylist.Entry] { self.state.withLock { ($0.history ?? $0.playlist?.media)?.entries ?? [] } }

    fileprivate func tracks(ofInit version: Int) -> [Track]? {
        for shelf in self.state.withLock({ $0.shelves }) {
            if let tracks = shelf.tracks(ofInit: version) { return tracks }
        }
        return nil
    }
}
