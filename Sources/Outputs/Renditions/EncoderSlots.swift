public import Synchronization

/// How many encoders of pictures of one kind may run at one time, of all broadcasts together: renditions, or recordings that are encoded.
public final class EncoderSlots: Sendable {
    private let limit: Int
    private let taken = Atomic<Int>(0)
    /// Pictures that were not encoded because the machine could not keep up, since the start.
    public let droppedFrames = Atomic<UInt64>(0)

    public init(limit: Int) { self.limit = limit }

    func take() -> Bool {
        guard self.taken.wrappingAdd(1, ordering: .relaxed).newValue > self.limit else { return true }
        self.give()
        return false
    }

    /// One more may be taken, unless somebody else is faster.
    var hasRoom: Bool { self.count < self.limit }

    func give() { self.taken.wrappingSubtract(1, ordering: .relaxed) }

    /// How many are taken.
    public var count: Int { self.taken.load(ordering: .relaxed) }
}

/// One of the slots, until it is let go of.
final class EncoderPlace {
    private let slots: EncoderSlots

    /// nil when all are taken.
    init?(_ slots: EncoderSlots) {
        guard slots.take() else { return nil }
        self.slots = slots
    }

    deinit { self.slots.give() }
}
