public import Broadcasts
public import Gateways
import Media
import Synchronization

/// Fetches nothing: remembers what was to be fetched, and says of it what a test wants to be said.
public final class FakeSources: Sendable {
    public enum Manner: Sendable {
        /// A pull says nothing that the test did not make it say. A URL that nobody told of is there, and does not say how long it is.
        case silent
        /// A pull tells from a thread of its own what becomes of it, as a real one does. A URL that nobody told of is not found.
        case lifelike
    }

    private struct State {
        var pulls: [FakePull] = []
        var probed: [PullItem] = []
        var answers: [String: Result<SourceProbe, PullFailure>] = [:]
        var forbidden: Set<String> = []
        var hangs = false
        var hanging: [CheckedContinuation<Void, Never>] = []
    }

    private let manner: Manner
    private let state = Mutex(State())

    public init(_ manner: Manner = .silent) { self.manner = manner }

    /// In the order in which they were started.
    public var pulls: [FakePull] { self.state.withLock { $0.pulls } }
    public var probed: [PullItem] { self.state.withLock { $0.probed } }
    public var probedURLs: [String] { self.probed.map(\.url) }

    /// The newest of a broadcast.
    public func pull(_ id: String) -> FakePull? { self.pulls.last { $0.plan.id == id } }
    /// Started so far, stopped ones included.
    public func count(_ id: String) -> Int { self.pulls.count { $0.plan.id == id } }

    /// What a look at a URL tells.
    public func answer(_ url: String, _ answer: Result<SourceProbe, PullFailure>) { self.state.withLock { $0.answers[url] = answer } }
    public func answer(_ url: String, milliseconds: Int64) {
        self.answer(url, .success(SourceProbe(duration: MediaTime(milliseconds: milliseconds))))
    }
    public func answer(_ url: String, _ cause: PullFailure.Cause) { self.answer(url, .failure(PullFailure(cause: cause, text: "\(cause)"))) }

    /// Nobody may fetch from there.
    public func forbid(_ url: String) { self.state.withLock { _ = $0.forbidden.insert(url) } }

    /// Lets looks take until `releaseProbes`.
    public func hangProbes() { self.state.withLock { $0.hangs = true } }

    public func releaseProbes() {
        let hanging = self.state.withLock { state in
            state.hangs = false
            defer { state.hanging = [] }
            return state.hanging
        }
        for continuation in hanging { continuation.resume() }
    }

    public var factory: SourceFactory {
        SourceFactory(
            start: { plan, onEvent in
                let pull = FakePull(plan: plan, isLifelike: self.manner == .lifelike, onEvent: onEvent)
                self.state.withLock { $0.pulls.append(pull) }
                return pull
            },
            probe: { item, _ in
                await withCheckedContinuation { continuation in
                    let goesOn = self.state.withLock { state in
                        state.probed.append(item)
                        if state.hangs { state.hanging.append(continuation) }
                        return !state.hangs
                    }
                    if goesOn { continuation.resume() }
                }
                return self.state.withLock { $0.answers[item.url] } ?? self.answerToOthers
            },
            refusal: { item in
                let isForbidden = self.state.withLock { $0.forbidden.contains(item.url) } || item.url.isEmpty
                return isForbidden ? PullFailure(cause: .addressNotAllowed, text: "not allowed") : nil
            })
    }

    private var answerToOthers: Result<SourceProbe, PullFailure> {
        switch self.manner {
        case .silent: .success(SourceProbe(duration: nil))
        case .lifelike: .failure(PullFailure(cause: .notFound, text: "404 Not Found"))
        }
    }
}
