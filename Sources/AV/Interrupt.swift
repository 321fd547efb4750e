import CFFmpeg
import Glibc
import Synchronization

/// Ends blocking FFmpeg calls: by `cancel()` from any thread, or when an armed deadline passes.
///
/// FFmpeg asks about every 100 ms or less while it waits for a network peer, and not at all while it resolves a name or waits for a disk.
/// Its own error code after an interruption is unreliable (RTSP reports invalid data), so `AVFailure` names the cause from here.
public final class Interrupt: Sendable {
    private let isCancelledFlag = Atomic<Bool>(false)
    /// Monotonic nanoseconds; `Int64.max` is never.
    private let deadline = Atomic<Int64>(Int64.max)

    public init() {}

    /// For good: every call that uses this interrupt ends, now and later.
    public func cancel() { self.isCancelledFlag.store(true, ordering: .sequentiallyConsistent) }

    public var isCancelled: Bool { self.isCancelledFlag.load(ordering: .sequentiallyConsistent) }

    /// The following call must be done within `duration`; replaces an earlier deadline.
    public func arm(within duration: Duration) { self.arm(withinNanoseconds: Self.nanoseconds(of: duration)) }

    /// For calls that are made for every packet.
    func arm(withinNanoseconds nanoseconds: Int64) {
        let (sum, overflow) = Self.coarseNow().addingReportingOverflow(nanoseconds)
        self.deadline.store(overflow ? Int64.max : sum, ordering: .sequentiallyConsistent)
    }

    public func disarm() { self.deadline.store(Int64.max, ordering: .sequentiallyConsistent) }

    /// Why the current call should end; nil while it may go on.
    public var cause: AVFailure.Cause? {
        if self.isCancelled { return .cancelled }
        return Self.coarseNow() >= self.deadline.load(ordering: .sequentiallyConsistent) ? .timedOut : nil
    }

    func check(_ operation: String) throws(AVFailure) {
        if let cause = self.cause { throw self.failure(cause, operation) }
    }

    /// The failure of a call that returned `code`: our own interruption first, FFmpeg's words otherwise.
    func failure(_ operation: String, code: Int32) -> AVFailure {
        if let cause = self.cause { return self.failure(cause, operation) }
        // A read that ended at its deadline may have given its last packets first; the next one, with a deadline of its own, is told what happened.
        if code == shim_AVERROR_EXIT { return self.failure(.timedOut, operation) }
        return AVFailure(operation, code: code)
    }

    private func failure(_ cause: AVFailure.Cause, _ operation: String) -> AVFailure {
        AVFailure(cause: cause, operation: operation, code: shim_AVERROR_EXIT, text: cause == .cancelled ? "cancelled" : "deadline passed")
    }

    /// For `AVFormatContext.interrupt_callback`. The context's owner keeps this object alive.
    var callback: AVIOInterruptCB {
        AVIOInterruptCB(callback: Self.ask, opaque: Unmanaged.passUnretained(self).toOpaque())
    }

    private static let ask: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { opaque in
        guard let opaque else { return 0 }
        // With every read of a socket: counting references would cost more than looking.
        return Unmanaged<Interrupt>.fromOpaque(opaque)._withUnsafeGuaranteedRef { $0.cause == nil ? 0 : 1 }
    }

    static func now() -> Int64 { self.read(CLOCK_MONOTONIC) }

    /// Some milliseconds behind at most: FFmpeg asks with every read of a socket, and deadlines are much longer.
    private static func coarseNow() -> Int64 { self.read(CLOCK_MONOTONIC_COARSE) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    static func nanoseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? Int64.min : Int64.max }
        return whole.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
    }
}
