import AV
public import Logging
import Media
import NIOCore
import Synchronization

/// Encodes the slate, once for every form that streams have, and keeps what it made. Shared by all destinations of the process; safe to use from
/// anywhere.
///
/// The work is done on one thread that stands back for others. What is kept is bounded in bytes; what a destination holds stays with it, whatever is let
/// go here.
public final class SlateStudio: Sendable {
    /// What there is of a form.
    enum Answer: Sendable {
        case ready(PictureLoop)
        /// Ask again.
        case underway
        /// In words for people.
        case failed(String)
    }

    public struct Totals: Sendable, Equatable {
        public var encodings: UInt64 = 0
        public var failures: UInt64 = 0
        /// Of the loops that are kept.
        public var bytes = 0

        public init() {}
    }

    private struct Entry {
        var answer: Answer
        /// A count that rises with every use.
        var lastUse: UInt64
        /// When what failed may be tried again.
        var retryAt: NIODeadline?

        var bytes: Int {
            if case .ready(let loop) = self.answer { loop.bytes } else { 0 }
        }
    }

    private struct State {
        var entries: [SlateForm: Entry] = [:]
        var uses: UInt64 = 0
        var totals = Totals()
    }

    static let longestClip = MediaTime(milliseconds: 60_000)
    private static let mostBytesOfOne = 32 << 20
    private static let mostWaiting = 64
    private static let retryAfter = TimeAmount.seconds(60)
    /// An hour of film would take no longer; what does is stuck.
    private static let longestEncoding = Duration.seconds(600)

    private let path: String
    private let isStill: Bool
    private let logger: Logger
    private let pool: BlockingPool
    private let memory: Int
    private let state = Mutex(State())
    private let encode: @Sendable (SlateForm) throws(AVFailure) -> PictureLoop

    /// - Parameters:
    ///   - path: of a picture or a clip, see `LoopEncoder`.
    ///   - memory: bytes of loops that are kept for further destinations.
    public convenience init(path: String, logger: Logger, memory: Int = 64 << 20) {
        let isStill = Self.isPicture(path)
        self.init(path: path, logger: logger, memory: memory) { form throws(AVFailure) in
            let interrupt = Interrupt()
            interrupt.arm(within: Self.longestEncoding)
            return try LoopEncoder.encode(
                path: path, as: form.encoding(isStill: isStill), longest: Self.longestClip, mostBytes: Self.mostBytesOfOne, interrupt: interrupt)
        }
    }

    init(path: String, logger: Logger, memory: Int, encode: @escaping @Sendable (SlateForm) throws(AVFailure) -> PictureLoop) {
        self.path = path
        self.isStill = Self.isPicture(path)
        self.logger = logger
        self.memory = memory
        self.pool = BlockingPool(name: "martlet-slate", threads: 1, waiting: Self.mostWaiting, niceness: 10)
        self.encode = encode
    }

    private static func isPicture(_ path: String) -> Bool {
        LoopEncoder.pictureEndings.contains(path.split(separator: ".").last?.lowercased() ?? "")
    }

    public var totals: Totals { self.state.withLock { $0.totals } }

    /// The slate in this form; begins to make it when there is none.
    func slate(_ form: SlateForm, now: NIODeadline) -> Answer {
        let (answer, isNew): (Answer, Bool) = self.state.withLock { state in
            state.uses += 1
            if var entry = state.entries[form], entry.retryAt.map({ now < $0 }) ?? true {
                entry.lastUse = state.uses
                state.entries[form] = entry
                return (entry.answer, false)
            }
            state.entries[form] = Entry(answer: .underway, lastUse: state.uses)
            return (.underway, true)
        }
        if isNew, !self.pool.execute({ self.make(form) }) { self.finish(form, .failed("too many slates are being made"), retries: true) }
        return answer
    }

    private func make(_ form: SlateForm) {
        let begun = NIODeadline.now()
        do throws(AVFailure) {
            let loop = try self.encode(form)
            let milliseconds = (NIODeadline.now() - begun).nanoseconds / 1_000_000
            self.logger.info(
                "slate encoded",
                metadata: [
                    "size": "\(form.width)x\(form.height)", "fps": "\(form.frameRate)", "frames": "\(loop.frames.count)", "bytes": "\(loop.bytes)",
                    "ms": "\(milliseconds)",
                ])
            self.finish(form, .ready(loop), retries: false)
        } catch {
            self.logger.error("the slate cannot be encoded", metadata: ["path": "\(self.path)", "reason": "\(error)"])
            self.finish(form, .failed("the slate cannot be encoded: \(error)"), retries: true)
        }
    }

    private func finish(_ form: SlateForm, _ answer: Answer, retries: Bool) {
        self.state.withLock { state in
            state.uses += 1
            state.entries[form] = Entry(answer: answer, lastUse: state.uses, retryAt: retries ? .now() + Self.retryAfter : nil)
            if retries { state.totals.failures += 1 } else { state.totals.encodings += 1 }
            self.letGo(&state)
        }
    }

    /// The longest unused first, until what is left is within bounds; the newest stays in any case.
    private func letGo(_ state: inout State) {
        var bytes = state.entries.values.reduce(0) { $0 + $1.bytes }
        for (form, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }).dropLast() {
            guard bytes > self.memory || state.entries.count > Self.mostWaiting else { break }
            if case .underway = entry.answer { continue }
            state.entries[form] = nil
            bytes -= entry.bytes
        }
        state.totals.bytes = bytes
    }
}
