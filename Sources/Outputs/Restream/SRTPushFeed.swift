import AV
import Media
import NIOCore
import Streams

/// Turns what a stream gives into the transport stream of one push: tables and a keyframe first, times as the stream has them. One per connection,
/// of the shape of `PushFeed`; it writes into memory and waits for nothing.
final class SRTPushFeed {
    private let feed = TransportStreamFeed()
    private var hasBegun = false
    /// Why nothing is sent, when the stream's tracks cannot be written at all.
    private(set) var failure: AVFailure?
    /// Frames that could not be written.
    var unsendable: Int { self.feed.unwritten }
    /// Tracks that a transport stream cannot carry.
    var leftOut: [Codec] { self.feed.leftOut }

    /// Appends what is to be sent for `item`, often nothing; whole packets of 188 bytes.
    func write(_ item: StreamItem, into out: inout ByteBuffer) {
        switch item {
        case .tracks(let tracks):
            do throws(AVFailure) {
                try self.feed.begin(tracks)
                self.failure = nil
            } catch {
                self.failure = error
            }
        case .frame(let frame):
            guard let piece = self.feed.write(frame), self.hasBegun || piece.isStart else { return }
            self.hasBegun = true
            out.writeImmutableBuffer(piece.bytes)
        case .discontinuity, .ended:
            self.feed.skip()
        }
    }
}
