import Media
import NIOCore
import Packaging

/// Everything a segmenter gave out.
struct Packaged {
    var inits: [InitSegment] = []
    var segments: [Segment] = []
    var parts: [Part] = []

    mutating func add(_ outputs: [Segmenter.Output]) {
        for output in outputs {
            switch output {
            case .initSegment(let segment): self.inits.append(segment)
            case .part(let part): self.parts.append(part)
            case .segment(let segment): self.segments.append(segment)
            }
        }
    }

    init() {}

    init(_ frames: [EncodedFrame], of tracks: [Track], configuration: Segmenter.Configuration = .init()) throws {
        var segmenter = Segmenter(configuration: configuration)
        self.add(try segmenter.setTracks(tracks))
        for frame in frames { self.add(segmenter.append(frame)) }
        self.add(segmenter.finish())
    }

    /// Init segment and segments in one, as a player puts them together.
    var file: ByteBuffer {
        var buffer = self.inits.first?.bytes ?? ByteBuffer()
        for segment in self.segments { buffer.writeImmutableBuffer(segment.bytes) }
        return buffer
    }

    var movie: Movie { get throws { try Movie(Array(self.file.readableBytesView)) } }

    /// What one segment holds, read with its init segment before it.
    func movie(of segment: Segment) throws -> Movie {
        let initial = self.inits.first { $0.version == segment.initVersion }?.bytes ?? ByteBuffer()
        return try Movie(Array(initial.readableBytesView) + Array(segment.bytes.readableBytesView))
    }

    var durations: [Int64] { self.segments.map(\.duration.milliseconds) }
}
