/// Events of other threads, in order, for one test to await.
final class EventLog<Event: Sendable>: Sendable {
    private let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation

    init() {
        (self.stream, self.continuation) = AsyncStream.makeStream(of: Event.self)
    }

    func add(_ event: Event) { self.continuation.yield(event) }

    /// Waits for the next one; a test that waits in vain runs into its time limit. nil when the test is cancelled by that.
    func next() async -> Event? {
        var iterator = self.stream.makeAsyncIterator()
        return await iterator.next()
    }

    func first(where isWanted: (Event) -> Bool) async -> Event? {
        while let event = await self.next() {
            if isWanted(event) { return event }
        }
        return nil
    }
}
