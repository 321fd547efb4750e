import Media
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Streams

@Suite struct StreamTests {
    let directory = StreamDirectory()
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    final class Log: Sendable {
        let lines = Mutex<[String]>([])
        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
        var all: [String] { self.lines.withLock { $0 } }
    }

    func source(_ name: String = "a", credential: String? = nil, log: Log? = nil) -> PublishSource {
        PublishSource(type: .rtmp, remoteAddress: name, credential: credential, startedAtMilliseconds: 0) { log?.add("stop \(name) \($0)") }
    }

    func publisher(_ key: String = "demo", live: Bool = true) throws -> Publisher {
        let publisher = try self.directory.publish(StreamKey(key), source: self.source(), now: self.start).get()
        if live {
            publisher.announce(Frames.video)
            publisher.announce(Frames.audio)
        }
        return publisher
    }

    func drain(_ reader: StreamReader) -> [String] {
        var seen: [String] = []
        while let item = reader.next() {
            switch item {
            case .tracks(let tracks): seen.append("tracks\(tracks.count)")
            case .frame(let frame): seen.append("\(frame.kind == .video ? (frame.isKeyframe ? "K" : "v") : "a")\(frame.decodeTime.milliseconds)")
            case .discontinuity: seen.append("discontinuity")
            case .ended: seen.append("ended")
            }
        }
        return seen
    }

    @Test func theNewestKeyframeCanBeLookedAtWithItsTrack() throws {
        let publisher = try self.publisher(live: false)
        #expect(publisher.stream.newestKeyframe()?.frame.decodeTime == nil)
        publisher.announce(Frames.video)
        publisher.announce(Frames.audio)
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        publisher.publish(Frames.sound(at: 10), now: self.start)
        publisher.publish(Frames.picture(at: 33), now: self.start)
        let first = try #require(publisher.stream.newestKeyframe())
        #expect(first.track == Frames.video && first.frame.decodeTime.milliseconds == 0 && first.generation == publisher.generation)
        publisher.publish(Frames.picture(at: 66, key: true), now: self.start)
        #expect(publisher.stream.newestKeyframe()?.frame.decodeTime.milliseconds == 66)
        // Another configuration: what came before cannot be decoded with it.
        var video = Frames.video
        video.format = .video(VideoFormat(width: 64, height: 48))
        publisher.announce(video)
        #expect(publisher.stream.newestKeyframe()?.frame.decodeTime == nil)
        publisher.publish(Frames.picture(at: 99, key: true), now: self.start)
        #expect(publisher.stream.newestKeyframe()?.track == video)
        publisher.end(.finished)
        #expect(publisher.stream.newestKeyframe()?.frame.decodeTime == nil)
    }

    @Test func tracksThatChangeTogetherAreOneChange() throws {
        let publisher = try self.publisher()
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        publisher.publish(Frames.sound(at: 10), now: self.start)
        let reader = publisher.stream.attach {}
        #expect(self.drain(reader) == ["tracks2", "K0", "a10"])
        var (video, audio) = (Frames.video, Frames.audio)
        video.format = .video(VideoFormat(width: 64, height: 48))
        audio.format = .audio(AudioFormat(sampleRate: 8_000, channelCount: 1, samplesPerPacket: 1_024))
        publisher.announce([video, audio])
        #expect(self.drain(reader) == ["tracks2"])
        publisher.announce([audio, video])
        #expect(self.drain(reader) == [])
        #expect(publisher.stream.tracks == [video, audio])
    }

    @Test func aLateJoinerStartsWithTheNewestGroup() throws {
        let publisher = try self.publisher()
        for second in 0..<3 {
            publisher.publish(Frames.picture(at: Int64(second) * 1000, key: true), now: self.start)
            publisher.publish(Frames.picture(at: Int64(second) * 1000 + 500), now: self.start)
        }
        let reader = publisher.stream.attach {}
        #expect(self.drain(reader) == ["tracks2", "K2000", "v2500"])
        let patient = publisher.stream.attach(from: .allGroups) {}
        #expect(self.drain(patient) == ["tracks2", "K0", "v500", "K1000", "v1500", "K2000", "v2500"])
        let live = publisher.stream.attach(from: .live) {}
        publisher.publish(Frames.picture(at: 2600), now: self.start)
        publisher.publish(Frames.picture(at: 3000, key: true), now: self.start)
        #expect(self.drain(live) == ["tracks2", "K3000"])
        #expect(self.drain(reader) == ["v2600", "K3000"])
    }

    @Test func aReaderOfAnIdleStreamWaitsForItsPublisher() throws {
        let stream = self.directory.open(StreamKey("demo"))
        let wakes = Atomic<Int>(0)
        let reader = stream.attach { wakes.add(1, ordering: .relaxed) }
        #expect(self.drain(reader).isEmpty)
        let publisher = try self.publisher()
        #expect(publisher.stream === stream)
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(wakes.load(ordering: .relaxed) == 1)
        #expect(self.drain(reader) == ["tracks2", "K0"])
        publisher.publish(Frames.picture(at: 33), now: self.start)
        publisher.publish(Frames.picture(at: 66), now: self.start)
        #expect(wakes.load(ordering: .relaxed) == 2)
    }

    @Test func aReaderThatRestsIsWokenForWhatItRestsForAndForKeyframesAndMarkers() throws {
        let publisher = try self.publisher()
        let wakes = Atomic<Int>(0)
        let reader = publisher.stream.attach(limits: .init(bytes: 400)) { wakes.add(1, ordering: .relaxed) }
        func expect(_ count: Int, _ items: [String], rest: Int64 = 500) {
            #expect(wakes.exchange(0, ordering: .relaxed) == count)
            #expect(self.drain(reader) == items)
            reader.rest(until: MediaTime(milliseconds: rest))
        }
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        expect(1, ["tracks2", "K0"])
        publisher.publish(Frames.picture(at: 40), now: self.start)
        publisher.publish(Frames.sound(at: 50), now: self.start)
        #expect(wakes.load(ordering: .relaxed) == 0)
        publisher.publish(Frames.sound(at: 500), now: self.start)
        expect(1, ["v40", "a50", "a500"], rest: 1000)
        publisher.publish(Frames.picture(at: 540, key: true), now: self.start)
        expect(1, ["K540"], rest: 10_000)
        for time in 0..<40 { publisher.publish(Frames.picture(at: 600 + 40 * Int64(time)), now: self.start) }
        #expect(wakes.exchange(0, ordering: .relaxed) == 1, "the queue was half full")
        _ = self.drain(reader)
        reader.rest(until: MediaTime(milliseconds: 60_000))
        publisher.end(.finished)
        expect(1, ["ended"])
    }

    @Test func aWakeUpMayDrainAtOnce() throws {
        let publisher = try self.publisher()
        let log = Log()
        let box = Mutex<StreamReader?>(nil)
        let reader = publisher.stream.attach {
            while let item = box.withLock({ $0 })?.next() { if case .frame = item { log.add("frame") } }
        }
        box.withLock { $0 = reader }
        while reader.next() != nil {}
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        publisher.publish(Frames.picture(at: 33), now: self.start)
        #expect(log.all == ["frame", "frame"])
    }

    @Test func framesWaitUntilTheTracksAreKnown() throws {
        let publisher = try self.publisher(live: false)
        let log = Log()
        self.directory.observe { if case .tracksKnown(_, _, let tracks) = $0 { log.add("known \(tracks.count)") } }
        let reader = publisher.stream.attach {}
        publisher.announce(Frames.video)
        publisher.publish(Frames.picture(at: 100, key: true), now: self.start)
        publisher.publish(Frames.picture(at: 133), now: self.start)
        #expect(self.drain(reader).isEmpty)
        #expect(publisher.stream.isLive == false)
        publisher.announce(Frames.audio)
        #expect(self.drain(reader) == ["tracks2", "K0", "v33"])
        #expect(publisher.stream.isLive)
        #expect(log.all == ["known 2"])
    }

    @Test func aStreamWithoutSoundGoesLiveAfterASecondOrWhenTheSourceSaysSo() throws {
        let silent = try self.publisher("silent", live: false)
        silent.announce(Frames.video)
        for step in 0...10 { silent.publish(Frames.picture(at: Int64(step) * 100, key: step == 0), now: self.start) }
        #expect(silent.stream.isLive)
        let told = try self.publisher("told", live: false)
        told.expect(video: true, audio: false)
        told.announce(Frames.video)
        told.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(told.stream.isLive)
    }

    @Test func aTrackThatComesLateChangesTheTracksOfALiveStream() throws {
        let publisher = try self.publisher(live: false)
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        let reader = publisher.stream.attach {}
        publisher.announce(Frames.audio)
        publisher.publish(Frames.sound(at: 10), now: self.start)
        #expect(self.drain(reader) == ["tracks1", "K0", "tracks2", "a10"])
    }

    @Test func aSecondPublisherIsRefusedWhileTheFirstIsHeard() throws {
        let log = Log()
        let first = try self.directory.publish(StreamKey("demo"), source: self.source("a", log: log), now: self.start).get()
        first.publish(Frames.picture(at: 0, key: true), now: self.start + .seconds(10))
        let second = self.directory.publish(StreamKey("demo"), source: self.source("b"), now: self.start + .seconds(12))
        #expect(throws: PublishRefusal.alreadyPublishing) { try second.get() }
        #expect(log.all.isEmpty)
    }

    @Test func aSilentPublisherIsReplacedAndItsLateFramesAreIgnored() throws {
        let log = Log()
        self.directory.observe { event in
            switch event {
            case .published(_, let generation, _): log.add("published \(generation)")
            case .ended(_, let generation, let reason, _): log.add("ended \(generation) \(reason)")
            default: break
            }
        }
        let first = try self.directory.publish(StreamKey("demo"), source: self.source("a", log: log), now: self.start).get()
        for track in [Frames.video, Frames.audio] { first.announce(track) }
        first.publish(Frames.picture(at: 500, key: true), now: self.start)
        let reader = first.stream.attach {}
        let second = try self.directory.publish(StreamKey("demo"), source: self.source("b"), now: self.start + .seconds(3)).get()
        for track in [Frames.video, Frames.audio] { second.announce(track) }
        first.publish(Frames.picture(at: 533), now: self.start + .seconds(4))
        second.publish(Frames.picture(at: 90_000, key: true), now: self.start + .seconds(4))
        first.end(.lost)
        #expect(self.drain(reader) == ["tracks2", "K0", "discontinuity", "tracks2", "K33"])
        #expect(first.stream.isLive)
        #expect(log.all == ["published 1", "ended 1 stopped(Streams.PublishStop.replaced)", "stop a replaced", "published 2"])
    }

    @Test func theSameCredentialReplacesAtOnceAnEmptyOneDoesNot() throws {
        let key = StreamKey("demo")
        let first = try self.directory.publish(key, source: self.source("a", credential: "t0k"), now: self.start).get()
        #expect(throws: PublishRefusal.self) { try self.directory.publish(key, source: self.source("b", credential: "other"), now: self.start).get() }
        let second = try self.directory.publish(key, source: self.source("c", credential: "t0k"), now: self.start).get()
        #expect(second.generation > first.generation)
        second.end(.finished)
        let open = try self.directory.publish(key, source: self.source("d", credential: ""), now: self.start).get()
        #expect(throws: PublishRefusal.self) { try self.directory.publish(key, source: self.source("e", credential: ""), now: self.start).get() }
        open.end(.finished)
    }

    @Test func timesGoOnForAReaderThatStaysWhenThePublisherComesBack() throws {
        let first = try self.publisher()
        let reader = first.stream.attach {}
        first.publish(Frames.picture(at: 7_000, key: true), now: self.start)
        first.publish(Frames.picture(at: 7_100), now: self.start)
        first.end(.finished)
        let second = try self.publisher()
        second.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(self.drain(reader) == ["tracks2", "K0", "v100", "ended", "discontinuity", "tracks2", "K133"])
    }

    @Test func lettingGoOfAPublisherEndsItAndTheStreamIsForgotten() throws {
        let log = Log()
        self.directory.observe { if case .ended(_, _, let reason, _) = $0 { log.add("\(reason)") } }
        var publisher: Publisher? = try self.publisher()
        #expect(publisher != nil && self.directory.find(StreamKey("demo")) != nil)
        #expect(self.directory.live().isEmpty)  // no frame yet
        publisher?.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(self.directory.live().count == 1)
        publisher = nil
        #expect(log.all == ["lost"])
        #expect(self.directory.find(StreamKey("demo")) == nil)
    }

    @Test func aStalledReaderCostsTheOthersNoFrame() throws {
        let publisher = try self.publisher()
        let stalled = publisher.stream.attach(limits: .init(bytes: 1_000, duration: MediaTime(milliseconds: 1_000))) {}
        let quick = publisher.stream.attach {}
        var received = 0
        for step in 0..<3_000 {
            publisher.publish(Frames.picture(at: Int64(step) * 33, key: step % 60 == 0), now: self.start)
            while let item = quick.next() { if case .frame = item { received += 1 } }
        }
        #expect(received == 3_000)
        #expect(stalled.droppedFrames > 2_900)
        #expect(stalled.overflows > 0)
        publisher.publish(Frames.picture(at: 99_000, key: true), now: self.start)
        #expect(self.drain(stalled).first { $0.hasPrefix("K") || $0.hasPrefix("v") }?.hasPrefix("K") == true)
    }

    @Test func aDetachedReaderGetsNothingMoreAndLetsTheStreamGo() throws {
        let stream = self.directory.open(StreamKey("demo"))
        let reader = stream.attach {}
        let publisher = try self.publisher()
        reader.detach()
        reader.detach()
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(reader.next() == nil)
        #expect(stream.readerCount == 0)
    }

    @Test func theSnapshotTellsWhatThePublisherSends() throws {
        let publisher = try self.publisher()
        var now = self.start
        for step in 0..<300 {
            now = self.start + .milliseconds(Int64(step) * 33)
            publisher.publish(Frames.picture(at: Int64(step) * 33, key: step % 30 == 0, bytes: 1000), now: now)
        }
        let snapshot = try #require(publisher.stream.snapshot(now: now))
        #expect(snapshot.receivedBytes == 300_000)
        #expect(abs(snapshot.bitrate - 242_000) < 12_000)
        #expect(abs(snapshot.frameRate - 30.3) < 1)
        #expect(abs(snapshot.speed - 1) < 0.01)
        #expect(snapshot.keyframeInterval?.milliseconds == 990)
        publisher.end(.finished)
        #expect(publisher.stream.snapshot(now: now) == nil)
    }

    @Test func totalsGoOnGrowingAfterAPublisherHasEnded() throws {
        let first = try self.publisher("one")
        first.publish(Frames.picture(at: 0, key: true, bytes: 700), now: self.start)
        first.end(.finished)
        let second = try self.publisher("two")
        second.publish(Frames.picture(at: 0, key: true, bytes: 300), now: self.start)
        #expect(self.directory.totals()[.rtmp]?.bytes == 1_000)
        #expect(self.directory.totals()[.rtmp]?.publishes == 2)
        second.end(.finished)
        #expect(self.directory.totals()[.rtmp]?.frames == 2)
        #expect(self.directory.totals()[.srt] == nil)
    }

    @Test func aStopRequestReachesThePublisher() throws {
        let log = Log()
        let publisher = try self.directory.publish(StreamKey("demo"), source: self.source("a", log: log), now: self.start).get()
        #expect(self.directory.stop(StreamKey("demo"), reason: .stoppedByUser))
        #expect(log.all == ["stop a stoppedByUser"])
        publisher.end(.stopped(.stoppedByUser))
        #expect(self.directory.stop(StreamKey("demo"), reason: .stoppedByUser) == false)
    }

    @Test func manyThreadsMayReadAndJoinWhileOnePublishes() async throws {
        let publisher = try self.publisher()
        let stream = publisher.stream
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for step in 0..<5_000 { publisher.publish(Frames.picture(at: Int64(step) * 33, key: step % 30 == 0), now: self.start) }
            }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<300 {
                        let reader = stream.attach {}
                        var last = Int64(-1)
                        while let item = reader.next() {
                            if case .frame(let frame) = item {
                                #expect(frame.decodeTime.milliseconds > last)
                                last = frame.decodeTime.milliseconds
                            }
                        }
                        reader.detach()
                    }
                }
            }
        }
        #expect(stream.readerCount == 0)
    }

    @Test func renditionsAreNoPublishers() throws {
        let rendition = try self.directory.publish(StreamKey("demo", renditionHeight: 480), source: self.source(), now: self.start).get()
        rendition.announce(Frames.video)
        rendition.publish(Frames.picture(at: 0, key: true), now: self.start)
        #expect(self.directory.publishing().isEmpty)
        #expect(self.directory.find(StreamKey("demo", renditionHeight: 480))?.generation != nil)
        rendition.end(.finished)
        #expect(self.directory.totals().isEmpty)
    }
}
