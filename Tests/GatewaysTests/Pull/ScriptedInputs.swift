import AV
import Gateways
import Media
import NIOCore
import Synchronization
import TestSupport

@testable import Gateways

/// What an input that is made of a script gives. Pictures come every 40 ms; the payload tells which item and picture it is.
struct InputScript: Sendable {
    enum Opening: Sendable {
        case works
        case fails(PullFailure)
        /// Until it is interrupted.
        case blocks
        /// Also when it is interrupted, as a name lookup does, until somebody opens the gate.
        case hangs(Gate)
    }

    var opening = Opening.works
    var pictures = 50
    var hasSound = false
    /// Of the sound; announced by `tracks`.
    var hasOriginal = false
    var tracks: [Track]?
    /// The item's clock at its first picture.
    var start = MediaTime.zero
    var isLive = false
    var isSeekable = true
    /// Reads that fail, by the number of the picture that would have come.
    var broken: Set<Int> = []
    /// From this picture on every read fails.
    var diesAt: (picture: Int, PullFailure)?
    /// From this picture on reads block until they are interrupted.
    var blocksAt: Int?
    /// Called before each picture.
    var onPicture: (@Sendable (Int) -> Void)?
}

/// Holds threads until it is opened.
final class Gate: Sendable {
    private let wake = WakeSignal()
    private let isOpenFlag = Atomic<Bool>(false)

    func open() {
        self.isOpenFlag.store(true, ordering: .sequentiallyConsistent)
        self.wake.signal()
    }

    func wait() {
        while !self.isOpenFlag.load(ordering: .sequentiallyConsistent) { self.wake.wait(until: WakeSignal.now() + 10_000_000) }
    }
}

/// Opens scripts by URL, one after the other when there are several for one.
final class ScriptedOpener: PullInputOpener {
    private struct State {
        var scripts: [String: [InputScript]] = [:]
        var opened: [String] = []
    }

    private let state = Mutex(State())

    func set(_ url: String, _ scripts: InputScript...) { self.state.withLock { $0.scripts[url] = scripts } }
    var opened: [String] { self.state.withLock { $0.opened } }

    func open(_ item: PullItem, normalises: Bool, interrupt: Interrupt) throws(PullFailure) -> any PullInput {
        let script = self.state.withLock { state -> InputScript? in
            state.opened.append(item.url)
            guard let scripts = state.scripts[item.url], let first = scripts.first else { return nil }
            if scripts.count > 1 { state.scripts[item.url]?.removeFirst() }
            return first
        }
        guard let script else { throw PullFailure(cause: .notFound, text: "no script for \(item.url)") }
        switch script.opening {
        case .works: break
        case .fails(let failure): throw failure
        case .blocks: try ScriptedInput.block(interrupt)
        case .hangs(let gate): gate.wait()
        }
        let input = ScriptedInput(item.url, script, interrupt)
        if item.start > .zero { try input.seek(to: item.start) }
        return input
    }

    func guarded(_ work: () -> Void) { work() }
    func redacted(_ item: PullItem) -> String { item.url }
}

final class ScriptedInput: PullInput {
    private let url: String
    private let script: InputScript
    private let interrupt: Interrupt
    private var hasTracks = false
    private var place = 0
    private var sounds = 0
    private var originals = 0

    init(_ url: String, _ script: InputScript, _ interrupt: Interrupt) {
        self.url = url
        self.script = script
        self.interrupt = interrupt
    }

    var duration: MediaTime? { self.script.isLive ? nil : MediaTime(milliseconds: Int64(self.script.pictures) * 40) }
    var startTime: MediaTime? { self.script.start }
    var isSeekable: Bool { !self.script.isLive && self.script.isSeekable }
    var isLive: Bool { self.script.isLive }

    static func block(_ interrupt: Interrupt) throws(PullFailure) {
        let never = WakeSignal()
        while interrupt.cause == nil { never.wait(until: WakeSignal.now() + 2_000_000) }
        throw PullFailure(cause: .ended, text: "interrupted")
    }

    func next() throws(PullFailure) -> FrameReader.Item? {
        guard self.interrupt.cause == nil else { throw PullFailure(cause: .ended, text: "interrupted") }
        if !self.hasTracks {
            self.hasTracks = true
            return .tracks(self.script.tracks ?? (self.script.hasSound ? [Frames.video, Frames.audio] : [Frames.video]))
        }
        if let (picture, failure) = self.script.diesAt, self.place >= picture { throw failure }
        if let picture = self.script.blocksAt, self.place >= picture { try Self.block(self.interrupt) }
        if self.script.broken.contains(self.place) {
            self.place += 1
            throw PullFailure(cause: .invalidData, text: "broken")
        }
        guard self.place < self.script.pictures else { return nil }
        let time = MediaTime(milliseconds: Int64(self.place) * 40)
        let sound = MediaTime(ticks: Int64(self.sounds) * 1024, timescale: 44_100)
        if self.script.hasOriginal, self.originals <= self.sounds, sound <= time {
            self.originals += 1
            return .frame(
                EncodedFrame(
                    track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: self.script.start + sound,
                    payload: ByteBuffer(string: "\(self.url):original")))
        }
        if self.script.hasSound, sound <= time {
            self.sounds += 1
            return .frame(
                EncodedFrame(
                    track: .audio, kind: .audio, isKeyframe: true, decodeTime: self.script.start + sound, payload: ByteBuffer(string: "sound")))
        }
        self.script.onPicture?(self.place)
        defer { self.place += 1 }
        return .frame(
            EncodedFrame(
                track: .video, kind: .video, isKeyframe: self.place % 25 == 0, decodeTime: self.script.start + time,
                payload: ByteBuffer(string: "\(self.url):\(self.place)")))
    }

    func seek(to time: MediaTime) throws(PullFailure) {
        guard self.isSeekable else { throw PullFailure(cause: .nothingToPlay, text: "not seekable") }
        self.place = Int(time.milliseconds / 40) / 25 * 25
        self.sounds = Int((MediaTime(milliseconds: Int64(self.place) * 40).ticks(timescale: 44_100) + 1023) / 1024)
        self.originals = self.sounds
    }
}

/// Time that passes by being waited for, so that hours of media take milliseconds. Only a wait of more than an hour lasts until the signal.
final class VirtualPullClock: PullClock {
    private static let longest: Int64 = 3_600_000_000_000
    private let time = Mutex<Int64>(1_000_000_000_000)
    private let isSignalled = Atomic<Bool>(false)
    private let wake = WakeSignal()

    func now() -> Int64 { self.time.withLock { $0 } }

    func advance(_ nanoseconds: Int64) { self.time.withLock { $0 += nanoseconds } }

    func wait(until time: Int64) {
        if time - self.now() > Self.longest {
            self.wake.wait(until: Int64.max)
            self.isSignalled.store(false, ordering: .sequentiallyConsistent)
            return
        }
        if self.isSignalled.exchange(false, ordering: .sequentiallyConsistent) { return }
        self.time.withLock { $0 = max($0, time) }
    }

    func signal() {
        self.isSignalled.store(true, ordering: .sequentiallyConsistent)
        self.wake.signal()
    }
}
