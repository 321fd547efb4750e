import AV
import Dispatch
import Foundation
import Logging
import Media
import NIOCore
import NIOEmbedded
import NIOPosix
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// Who gets which picture, and how often one is made; the making itself is a stand-in that counts.
@Suite(.againstHanging) struct LivePicturesTests {
    private final class Stage: Sendable {
        let folder: TestFolder
        let streams = StreamDirectory()
        let pictures: LivePictures
        let gate = Gate()
        let counter: Counter
        let clock: Counter
        let failing: Flag

        init(generates: Bool = false, memory: Int = 1 << 20, patience: TimeAmount = .seconds(30), waiting: Int = 16) throws {
            self.folder = try TestFolder("pictures")
            let (made, seconds, gate, fails) = (Counter(), Counter(1000), self.gate, Flag())
            self.counter = made
            self.clock = seconds
            self.failing = fails
            self.pictures = LivePictures(
                configuration: .init(
                    directory: self.folder.path, generates: generates, period: .seconds(5), format: .png, patience: patience, memory: memory),
                streams: self.streams, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                pool: BlockingPool(name: "test-pictures", threads: 1, waiting: waiting),
                now: { .uptimeNanoseconds(UInt64(seconds.value) * 1_000_000_000) },
                encode: { keyframe, format, height throws(AVFailure) in
                    gate.pass()
                    made.add(1)
                    if fails.isSet { throw AVFailure(cause: .invalidData, operation: "decode", text: "a test") }
                    return Array("\(format.rawValue) of \(keyframe.frame.decodeTime.milliseconds) at \(height)".utf8)
                })
        }

        func publish(_ id: String, video: Bool = true) throws -> Publisher {
            let source = PublishSource(type: .rtmp, remoteAddress: "", startedAtMilliseconds: 0, stop: { _ in })
            let publisher = try self.streams.publish(StreamKey(id), source: source, now: .now()).get()
            publisher.expect(video: video, audio: !video)
            publisher.announce(video ? Frames.video : Frames.audio)
            publisher.publish(video ? Frames.picture(at: 0, key: true) : Frames.sound(at: 0), now: .now())
            return publisher
        }

        func ask(_ id: String, _ ending: String = "png") async throws -> LivePictures.Reply? {
            try await self.pictures.picture(of: id, ending: ending, on: MultiThreadedEventLoopGroup.singleton.any())?.get()
        }

        func text(_ id: String, _ ending: String = "png") async throws -> String? {
            guard case .picture(let bytes, _) = try await self.ask(id, ending) else { return nil }
            return String(buffer: bytes)
        }

        func file(_ name: String) -> String? {
            FileManager.default.contents(atPath: self.folder.path(name)).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// While it is closed, making waits. It is closed once.
    private final class Gate: Sendable {
        private let isClosed = Mutex(false)
        private let opened = DispatchSemaphore(value: 0)

        func close() { self.isClosed.withLock { $0 = true } }

        func open() {
            self.isClosed.withLock { $0 = false }
            self.opened.signal()
        }

        func pass() {
            guard self.isClosed.withLock({ $0 }) else { return }
            self.opened.wait()
            self.opened.signal()
        }
    }

    private final class Counter: Sendable {
        private let state: Mutex<Int>
        init(_ value: Int = 0) { self.state = Mutex(value) }
        var value: Int { self.state.withLock { $0 } }
        func add(_ number: Int) { self.state.withLock { $0 += number } }
    }

    private final class Flag: Sendable {
        private let state = Mutex(false)
        var isSet: Bool { self.state.withLock { $0 } }
        func set(_ value: Bool) { self.state.withLock { $0 = value } }
    }

    @Test func aPictureIsMadeOnceForAsLongAsItIsNew() async throws {
        let stage = try Stage()
        let publisher = try stage.publish("a")
        #expect(try await stage.text("a") == "png of 0 at 480")
        publisher.publish(Frames.picture(at: 2_000, key: true), now: .now())
        stage.clock.add(4)
        #expect(try await stage.text("a") == "png of 0 at 480")
        #expect(stage.counter.value == 1)
        stage.clock.add(1)
        #expect(try await stage.text("a") == "png of 2000 at 480")
        stage.clock.add(60)
        #expect(try await stage.text("a") == "png of 2000 at 480", "there is no newer keyframe")
        #expect(stage.counter.value == 2)
        #expect(try await stage.text("a", "webp") == "webp of 2000 at 480")
        publisher.end(.finished)
        #expect(try await stage.ask("a") == nil)
    }

    @Test func whoAsksMeanwhileGetsTheSamePicture() async throws {
        let stage = try Stage()
        let publisher = try stage.publish("a")
        stage.gate.close()
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let asked = try (0..<50).map { _ in try #require(stage.pictures.picture(of: "a", ending: "jpg", on: loop)) }
        stage.gate.open()
        for future in asked {
            guard case .picture(let bytes, let tag) = try await future.get() else { throw POSIXError(.EIO) }
            #expect(String(buffer: bytes) == "jpg of 0 at 480" && tag.hasPrefix("\"") && tag.hasSuffix("jpg\""))
        }
        #expect(stage.counter.value == 1)
        publisher.end(.finished)
    }

    @Test func whatIsNotLiveOrHasNoPictureCostsNothing() async throws {
        let stage = try Stage()
        let publisher = try stage.publish("sound", video: false)
        #expect(try await stage.ask("sound") == LivePictures.Reply.none)
        #expect(try await stage.ask("unknown") == nil)
        #expect(try await stage.ask("sound", "gif") == nil)
        #expect(stage.counter.value == 0)
        publisher.end(.finished)
    }

    @Test func aKeyframeThatCannotBeDecodedIsTriedOnce() async throws {
        let stage = try Stage()
        stage.failing.set(true)
        let publisher = try stage.publish("a")
        for _ in 0..<3 { #expect(try await stage.ask("a") == LivePictures.Reply.none) }
        #expect(stage.counter.value == 1)
        stage.failing.set(false)
        publisher.publish(Frames.picture(at: 1_000, key: true), now: .now())
        #expect(try await stage.text("a") == "png of 1000 at 480", "the next one is tried at once")
        publisher.end(.finished)
    }

    @Test func anotherPublishersPictureIsNotShown() async throws {
        let stage = try Stage()
        let first = try stage.publish("a")
        #expect(try await stage.text("a") != nil)
        first.end(.finished)
        let second = try stage.publish("a")
        #expect(try await stage.text("a") != nil)
        #expect(stage.counter.value == 2)
        second.end(.finished)
    }

    @Test func nobodyWaitsForEverAndTheQueueIsBounded() async throws {
        let stage = try Stage(patience: .milliseconds(1), waiting: 1)
        let publishers = try (0..<4).map { try stage.publish("s\($0)") }
        stage.gate.close()
        // One is being made, one waits for the thread at most; the others are told so at once.
        for number in 0..<4 { #expect(try await stage.ask("s\(number)") == .unavailable) }
        stage.gate.open()
        try await eventually("it is made") { stage.counter.value >= 1 }
        for publisher in publishers { publisher.end(.finished) }
    }

    @Test func onceItIsStoppedNoPictureIsBegun() async throws {
        let stage = try Stage()
        let publisher = try stage.publish("a")
        await stage.pictures.stop()
        #expect(try await stage.ask("a") == .unavailable)
        #expect(stage.counter.value == 0)
        publisher.end(.finished)
    }

    @Test func memoryIsBoundedByTheOldestPicturesGoing() async throws {
        let stage = try Stage(memory: 40)
        let publishers = try (0..<5).map { try stage.publish("s\($0)") }
        for number in 0..<5 {
            stage.clock.add(1)
            #expect(try await stage.text("s\(number)") == "png of 0 at 480")
            #expect(stage.pictures.memory <= 40)
        }
        _ = try await stage.text("s4")
        #expect(stage.counter.value == 5, "the newest is there")
        _ = try await stage.text("s0")
        #expect(stage.counter.value == 6, "the oldest is not")
        for publisher in publishers {
            publisher.end(.finished)
            stage.pictures.streamEnded(publisher.stream.key.id)
        }
        #expect(stage.pictures.memory == 0)
    }

    // MARK: Files

    @Test func aFileIsWrittenAgainAndAgainAndTheLastOneStays() async throws {
        let stage = try Stage(generates: true)
        let publisher = try stage.publish("a")
        stage.pictures.streamBecameLive("a")
        try await eventually("there is a first") { stage.file("a.png") == "png of 0 at 480" }
        publisher.publish(Frames.picture(at: 1_000, key: true), now: .now())
        stage.clock.add(4)
        stage.pictures.tick()
        stage.clock.add(1)
        #expect(stage.file("a.png") == "png of 0 at 480")
        stage.pictures.tick()
        try await eventually("there is a second") { stage.file("a.png") == "png of 1000 at 480" }
        #expect(try await stage.text("a") == "png of 1000 at 480")
        #expect(stage.counter.value == 2, "who asks gets what was written")
        publisher.end(.finished)
        stage.pictures.streamEnded("a")
        try await eventually("the last one stays") { stage.file("a_finished.png") == "png of 1000 at 480" }
        stage.clock.add(100)
        stage.pictures.tick()
        stage.pictures.forget("a")
        try await eventually("they go with the broadcast") { stage.file("a.png") == nil && stage.file("a_finished.png") == nil }
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.folder.path).isEmpty)
    }

    @Test func withoutTheSettingNothingIsWritten() async throws {
        let stage = try Stage()
        let publisher = try stage.publish("a")
        stage.pictures.streamBecameLive("a")
        _ = try await stage.text("a")
        publisher.end(.finished)
        stage.pictures.streamEnded("a")
        await stage.pictures.stop()
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.folder.path).isEmpty)
    }

    @Test func aCopyLeavesNoTemporaryAlsoWhenItIsOneAlready() throws {
        let folder = try TestFolder("copies")
        try PictureFile.write(Array("x".utf8), to: "a.png", in: folder.path)
        for _ in 0..<2 {
            try PictureFile.copy("a.png", to: "a_finished.png", in: folder.path)
            #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["a.png", "a_finished.png"])
        }
    }

    @Test func theFolderIsTidiedAtTheStart() async throws {
        let folder = try TestFolder("tidy")
        for name in [".half.png", "a.png", "b.png", "c.png"] { try Data("x".utf8).write(to: URL(fileURLWithPath: folder.path(name))) }
        for (age, name) in ["c.png", "a.png", "b.png"].enumerated() {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 - Double(age) * 100)], ofItemAtPath: folder.path(name))
        }
        PictureFile.sweep(folder.path, most: 2)
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["a.png", "c.png"])
    }
}
