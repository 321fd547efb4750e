import Dispatch
public import Testing

/// Looks again and again until the condition holds; the test's own time limit ends a wait in vain. Between two looks the thread is others' to use, which a
/// loop of yields does not give them: tests share as many threads as there are processors.
public func eventually(
    _ what: Comment, isolation: isolated (any Actor)? = #isolation, _ condition: () throws -> Bool
) async throws {
    while try !condition() {
        try #require(!Task.isCancelled, what)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(10)) { continuation.resume() }
        }
    }
}
