import AV
import Media
import NIOCore
import Streams

/// Turns what a stream gives into the transport stream of one push: tables and a keyframe first, times as the stream has them. One per connection,
/// of the shape of `PushFeed`; it writes into memory and waits for nothing.
final class SRTPushFeed {
    private let feed = TransportStreamFeed()
    private var hasBegun = false
    /// Why nothing can be sent, when the stream's tracks cannot be.
    private(set) var problem: String?
    /// Frames that could not be written.
    var unsendable: Int { self.feed.unwritten }

    /// What a transport stream cannot carry of these tracks, and nothing else of the kind is there to stand in for; nil when all is well. A push without
    /// its pictures, or without its sound, is none.
    static func problem(of tracks: [Track]) -> String? {
        for kind in [MediaKind.video, .audio] {
            let codecs = tracks.filter { $0.kind == kind }.map(\.codec)
            if let first = codecs.first, !codecs.contains(where: TransportStreamFeed.carries) {
                return "a transport stream cannot carry \(first.rawValue)"
            }
        }
        return nil
    }

    /// Appends what is to be sent for `item`, often nothing; whole packets of 188 bytes.
    func write(_ item: StreamItem, into out: inout ByteBuffer) {
        switch item {
        case .tracks(let tracks):
            self.writeRest(into: &out)
            self.problem = Self.problem(of: tracks)
            do throws(AVFailure) {
                try self.feed.begin(tracks)
            } catch {
                self.problem = "a transport stream cannot carry it: \(error.text)"
            }
        case .frame(let frame):
            guard let piece = self.feed.write(frame), self.hasBegun || piece.isStart else { return }
            self.hasBegun = true
            out.writeImmutableBuffer(piece.bytes)
        case .discontinuity, .ended:
            self.writeRest(into: &out)
            self.feed.skip()
        }
    }

    private func writeRest(into out: inout ByteBuffer) {
        if self.hasBegun, let piece = self.feed.rest() { out.writeImmutableBuffer(piece.bytes) }
    }
}
