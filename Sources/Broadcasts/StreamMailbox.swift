import Outputs
import Streams
import Synchronization

/// Hands what happens to streams from the threads where it happens to the one task that acts on it, in order and without blocking.
///
/// It stays bounded because every event but one kind follows from an admission, and admission stops while the backlog is long; changed tracks,
/// which a publisher can cause at will, are left out then.
final class StreamMailbox: Sendable {
    enum Letter: Sendable {
        case stream(StreamEvent)
        /// An output of this broadcast has come to its end.
        case outputEnded(id: String)
        /// A few for each run of a broadcast's ladder.
        case rendition(id: String, LadderEvent)
        /// Everything before it has been acted on.
        case mark(CheckedContinuation<Void, Never>)
    }

    /// Letters that may wait while publishers are still admitted.
    static let limit = 4096

    let letters: AsyncStream<Letter>
    private let continuation: AsyncStream<Letter>.Continuation
    private let backlog = Atomic<Int>(0)

    init() {
        (self.letters, self.continuation) = AsyncStream.makeStream()
    }

    var isFull: Bool { self.backlog.load(ordering: .relaxed) >= Self.limit }

    func put(_ letter: Letter) {
        if case .stream(.tracksChanged) = letter, self.isFull { return }
        self.backlog.wrappingAdd(1, ordering: .relaxed)
        self.continuation.yield(letter)
    }

    /// Waits until everything that was put before has been acted on, or nothing is any more.
    func settle() async {
        await withCheckedContinuation { waiting in
            self.backlog.wrappingAdd(1, ordering: .relaxed)
            if case .terminated = self.continuation.yield(.mark(waiting)) { waiting.resume() }
        }
    }

    /// Call for each letter taken.
    func taken() { self.backlog.wrappingSubtract(1, ordering: .relaxed) }

    func close() { self.continuation.finish() }
}
