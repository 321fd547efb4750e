import Media
import TestSupport
import Testing

@testable import Streams

@Suite struct FrameQueueTests {
    func queue(bytes: Int = 1000, milliseconds: Int64 = 10_000) -> FrameQueue {
        var queue = FrameQueue(limits: .init(bytes: bytes, duration: MediaTime(milliseconds: milliseconds)))
        queue.push(.tracks([Frames.video, Frames.audio]))
        return queue
    }

    func drain(_ queue: inout FrameQueue) -> [String] {
        var seen: [String] = []
        while let item = queue.pop() {
            switch item {
            case .tracks: seen.append("tracks")
            case .frame(let frame): seen.append("\(frame.kind == .video ? (frame.isKeyframe ? "K" : "v") : "a")\(frame.decodeTime.milliseconds)")
            case .discontinuity: seen.append("discontinuity")
            case .ended: seen.append("ended")
            }
        }
        return seen
    }

    @Test func keepsOrderWhileThereIsRoom() {
        var queue = self.queue()
        queue.push(.frame(Frames.picture(at: 0, key: true)))
        queue.push(.frame(Frames.sound(at: 5)))
        queue.push(.frame(Frames.picture(at: 33)))
        queue.push(.ended)
        #expect(self.drain(&queue) == ["tracks", "K0", "a5", "v33", "ended"])
        #expect(queue.bytes == 0)
        #expect(queue.droppedFrames == 0)
    }

    @Test func aFullQueueLosesWholeGroupsAndResumesOnAKeyframe() {
        var queue = self.queue(bytes: 500)
        queue.push(.frame(Frames.picture(at: 0, key: true)))
        for step in 1...4 { queue.push(.frame(Frames.picture(at: Int64(step) * 33))) }
        queue.push(.frame(Frames.picture(at: 165)))  // does not fit: the group goes
        queue.push(.frame(Frames.sound(at: 170)))
        queue.push(.frame(Frames.picture(at: 198)))
        queue.push(.frame(Frames.picture(at: 231, key: true)))
        queue.push(.frame(Frames.sound(at: 240)))
        #expect(self.drain(&queue) == ["tracks", "K231", "a240"])
        #expect(queue.overflows == 1)
        #expect(queue.droppedFrames == 8)
    }

    @Test func theNewestGroupSurvivesWhenDroppingTheOlderOnesIsEnough() {
        var queue = self.queue(bytes: 600)
        queue.push(.frame(Frames.picture(at: 0, key: true, bytes: 400)))
        queue.push(.frame(Frames.picture(at: 1000, key: true)))
        queue.push(.frame(Frames.picture(at: 1033)))
        queue.push(.frame(Frames.picture(at: 1066)))
        #expect(self.drain(&queue) == ["tracks", "K1000", "v1033", "v1066"])
    }

    @Test func aQueueIsBoundedInTimeToo() {
        var queue = self.queue(bytes: 1_000_000, milliseconds: 1_000)
        queue.push(.frame(Frames.picture(at: 0, key: true)))
        queue.push(.frame(Frames.picture(at: 900)))
        queue.push(.frame(Frames.picture(at: 1001)))
        queue.push(.frame(Frames.picture(at: 1100, key: true)))
        #expect(self.drain(&queue) == ["tracks", "K1100"])
    }

    @Test func aKeyframeLargerThanTheLimitIsStillDelivered() {
        var queue = self.queue(bytes: 100)
        queue.push(.frame(Frames.picture(at: 0, key: true, bytes: 5000)))
        #expect(self.drain(&queue) == ["tracks", "K0"])
    }

    @Test func markersAreNeverLostAndNeverPileUp() {
        var queue = self.queue(bytes: 150)
        for round in 0..<100 {
            queue.push(.discontinuity)
            queue.push(.tracks([Frames.video]))
            queue.push(.frame(Frames.picture(at: Int64(round) * 100, key: true)))
        }
        #expect(queue.count <= 4)
        queue.push(.ended)
        #expect(self.drain(&queue) == ["discontinuity", "tracks", "K9900", "ended"])
    }

    @Test func withoutVideoAnySoundCanBeResumedAt() {
        var queue = FrameQueue(limits: .init(bytes: 50, duration: MediaTime(milliseconds: 10_000)))
        queue.push(.tracks([Frames.audio]))
        for step in 0..<8 { queue.push(.frame(Frames.sound(at: Int64(step) * 23))) }
        let seen = self.drain(&queue)
        #expect(seen.last == "a161")
        #expect(seen.count <= 6)
    }

    @Test func neverHoldsMoreThanItsLimitWhateverComes() {
        var generator = SystemRandomNumberGenerator()
        var queue = self.queue(bytes: 2_000)
        for step in 0..<5_000 {
            let size = Int.random(in: 1...500, using: &generator)
            queue.push(.frame(Frames.picture(at: Int64(step) * 33, key: Int.random(in: 0..<20, using: &generator) == 0, bytes: size)))
            #expect(queue.bytes <= 2_000)
            if Int.random(in: 0..<5, using: &generator) == 0 { _ = queue.pop() }
        }
    }
}
