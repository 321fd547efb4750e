import Gateways

/// Hands what pulls tell from their threads to the one task that acts on it, in order and without blocking. It stays short: a pull tells of openings
/// and items, which take it time, and not of frames.
final class SourceNews: Sendable {
    struct Letter: Sendable {
        let id: String
        let token: UInt64
        let event: PullEvent
    }

    let letters: AsyncStream<Letter>
    private let continuation: AsyncStream<Letter>.Continuation

    init() {
        (self.letters, self.continuation) = AsyncStream.makeStream()
    }

    func put(_ letter: Letter) { self.continuation.yield(letter) }

    func close() { self.continuation.finish() }
}
