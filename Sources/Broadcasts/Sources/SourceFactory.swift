public import Gateways
public import Media

/// What a look at a source has told.
public struct SourceProbe: Sendable, Equatable {
    /// Nil when it does not say, as live sources do not.
    public var duration: MediaTime?

    public init(duration: MediaTime?) {
        self.duration = duration
    }
}

/// Fetches on behalf of broadcasts; `Puller` is what is served, tests have their own.
public struct SourceFactory: Sendable {
    /// Returns at once. The events come from the pull's own thread, in order, and `finished` is the last.
    public var start: @Sendable (PullPlan, @escaping @Sendable (PullEvent) -> Void) -> any PullSession
    /// Opens a source, looks at it and lets it go again, all within the given time.
    public var probe: @Sendable (PullItem, Duration) async -> Result<SourceProbe, PullFailure>
    /// Why something may not be fetched, without contacting anybody; nil when it may.
    public var refusal: @Sendable (PullItem) -> PullFailure?

    public init(
        start: @escaping @Sendable (PullPlan, @escaping @Sendable (PullEvent) -> Void) -> any PullSession,
        probe: @escaping @Sendable (PullItem, Duration) async -> Result<SourceProbe, PullFailure>,
        refusal: @escaping @Sendable (PullItem) -> PullFailure?
    ) {
        self.start = start
        self.probe = probe
        self.refusal = refusal
    }
}
