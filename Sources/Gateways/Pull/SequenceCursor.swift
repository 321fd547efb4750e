/// Which item of a sequence is played and which one comes next: the order of a list, its loop, failures, skips and edits.
struct SequenceCursor: Sendable {
    private(set) var sequence: PullSequence
    /// The item being played; nil before the first.
    private(set) var current: Int?
    /// The item to open next; nil when none is left.
    private(set) var candidate: Int?
    /// The candidate was asked for: it takes over as soon as it is open.
    private(set) var isSkipping = false
    /// Items in a row that could not be played.
    private var failures = 0

    init(_ sequence: PullSequence) {
        self.sequence = sequence
        self.candidate = sequence.items.isEmpty ? nil : (sequence.items.indices.contains(sequence.firstIndex) ? sequence.firstIndex : 0)
    }

    /// The item to open next.
    var candidateItem: PullItem? {
        self.candidate.flatMap { self.sequence.items.indices.contains($0) ? self.sequence.items[$0] : nil }
    }

    /// As many items in a row as there are could not be played.
    var allFailed: Bool { self.failures >= self.sequence.items.count }

    /// The candidate is open and takes over.
    mutating func opened() {
        guard let candidate = self.candidate else { return }
        self.current = candidate
        self.isSkipping = false
        self.candidate = self.following(candidate)
    }

    /// The item played gave a frame.
    mutating func played() { self.failures = 0 }

    /// The item that had been opened broke off before it gave anything; the next one is the candidate already.
    mutating func brokeOff() { self.countFailure() }

    /// The candidate could not be opened.
    mutating func failed() {
        guard let candidate = self.candidate else { return }
        self.candidate = self.following(candidate)
        self.countFailure()
        guard self.isSkipping, self.candidate == nil else { return }
        // What is played goes on as if nobody had asked.
        self.isSkipping = false
        guard let current = self.current, self.failures < self.sequence.items.count else { return }
        self.candidate = self.following(current)
    }

    private mutating func countFailure() {
        self.failures += 1
        if self.failures >= self.sequence.items.count { self.candidate = nil }
    }

    /// After everything had failed: all of it may be tried again.
    mutating func retry() {
        self.failures = 0
        guard self.candidate == nil, !self.sequence.items.isEmpty else { return }
        self.candidate = self.current.flatMap { self.following($0) } ?? 0
    }

    /// To an item, or with nil to the one after what is played or was asked for last. False when there is none.
    mutating func skip(to index: Int?) -> Bool {
        let target: Int?
        if let index {
            target = self.sequence.items.indices.contains(index) ? index : nil
        } else if self.isSkipping || self.current == nil {
            target = self.candidate.flatMap { self.following($0) }
        } else {
            target = self.current.flatMap { self.following($0) }
        }
        guard let target else { return false }
        self.candidate = target
        self.isSkipping = true
        self.failures = 0
        return true
    }

    /// A new list; what is played goes on, and what follows it is looked up in the new one. An empty list is not taken.
    mutating func replace(_ sequence: PullSequence) {
        guard !sequence.items.isEmpty else { return }
        self.sequence = sequence
        self.failures = 0
        if self.isSkipping || self.current == nil, let candidate = self.candidate, sequence.items.indices.contains(candidate) { return }
        self.isSkipping = false
        self.candidate = self.current.map { self.following($0) } ?? 0
    }

    private func following(_ index: Int) -> Int? {
        let next = index + 1
        if self.sequence.items.indices.contains(next) { return next }
        return self.sequence.loops ? 0 : nil
    }
}
