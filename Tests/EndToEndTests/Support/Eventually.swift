import Foundation
import Testing

struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    let limit: Duration
    let lastError: (any Error)?

    var description: String { "not within \(self.limit): \(self.what)" + (self.lastError.map { "; last: \($0)" } ?? "") }
}

/// Looks again and again until `look` has an answer. An error that it throws counts as no answer yet, and is told if none comes; a requirement of the
/// test that is not met ends the wait.
/// Only the limit is a matter of time, and it says when to give up, never when to go on.
@discardableResult
func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(120), every pause: Duration = .milliseconds(100),
    isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    var lastError: (any Error)?
    while true {
        do {
            if let value = try await look() { return value }
            lastError = nil
        } catch let error as ExpectationFailedError {
            throw error
        } catch {
            lastError = error
        }
        guard clock.now < deadline else { throw NeverHappened(what: what, limit: limit, lastError: lastError) }
        await nextLook(in: pause)
    }
}

/// As the other, for what is true or not.
func eventually(
    _ what: String, within limit: Duration = .seconds(120), every pause: Duration = .milliseconds(100),
    isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit, every: pause) { try await look() ? () : nil }
}

/// Gives the thread back until it is time to look again.
private func nextLook(in pause: Duration) async {
    let (seconds, attoseconds) = pause.components
    let interval = Double(seconds) + Double(attoseconds) / 1e18
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + interval) { continuation.resume() }
    }
}
