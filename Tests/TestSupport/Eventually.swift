import Dispatch
public import Testing

extension Trait where Self == TimeLimitTrait {
    /// Ends a test that waits in vain. Far more than any test takes, for it counts from before the test has its turn, and the machine may have other work:
    /// how long something takes never decides a test.
    public static var againstHanging: Self { .timeLimit(.minutes(10)) }
}

/// Looks again and again until the condition holds; only a wait of five minutes is one in vain. Between two looks the thread is others' to use, which a loop
/// of yields does not give them: tests share as many threads as there are processors.
public func eventually(
    _ what: Comment, isolation: isolated (any Actor)? = #isolation, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(300)
    while try await !condition() {
        try #require(!Task.isCancelled && ContinuousClock.now < deadline, what, sourceLocation: sourceLocation)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(10)) { continuation.resume() }
        }
    }
}
