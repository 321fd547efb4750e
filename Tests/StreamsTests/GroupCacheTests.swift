import Media
import NIOCore
import TestSupport
import Testing

@testable import Streams

@Suite struct GroupCacheTests {
    func cache(bytes: Int = 1_000_000, milliseconds: Int64 = 2_000, hasVideo: Bool = true) -> GroupCache {
        var cache = GroupCache(limits: .init(bytes: bytes, completeDuration: MediaTime(milliseconds: milliseconds)))
        cache.hasVideo = hasVideo
        return cache
    }

    func times(_ items: ArraySlice<StreamItem>) -> [Int64] {
        items.compactMap { if case .frame(let frame) = $0 { frame.decodeTime.milliseconds } else { nil } }
    }

    @Test func nothingIsKeptBeforeTheFirstKeyframe() {
        var cache = self.cache()
        cache.append(Frames.picture(at: 0))
        cache.append(Frames.sound(at: 10))
        #expect(cache.items.isEmpty)
        cache.append(Frames.picture(at: 33, key: true))
        #expect(self.times(cache.latestGroup) == [33])
    }

    @Test func completeGroupsAreKeptUntilLaterOnesCoverTheDuration() {
        var cache = self.cache()
        for second in 0..<10 {
            cache.append(Frames.picture(at: Int64(second) * 1000, key: true))
            cache.append(Frames.picture(at: Int64(second) * 1000 + 500))
        }
        #expect(self.times(cache.latestGroup) == [9000, 9500])
        #expect(self.times(cache.allGroups) == [7000, 7500, 8000, 8500, 9000, 9500])
    }

    @Test func aGroupLargerThanTheCacheIsLetGoAndTheNextOneIsKept() {
        var cache = self.cache(bytes: 300)
        cache.append(Frames.picture(at: 0, key: true))
        for step in 1...5 { cache.append(Frames.picture(at: Int64(step) * 33)) }
        #expect(cache.allGroups.isEmpty)
        #expect(cache.bytes == 0)
        #expect(cache.newestKeyframe?.decodeTime.milliseconds == 0, "it can still be looked at")
        cache.append(Frames.picture(at: 1000, key: true))
        #expect(cache.newestKeyframe?.decodeTime.milliseconds == 1000)
        #expect(self.times(cache.allGroups) == [1000])
    }

    @Test func olderGroupsGoFirstWhenTheBytesRunOut() {
        var cache = self.cache(bytes: 450)
        for step in 0..<4 { cache.append(Frames.picture(at: Int64(step) * 100, key: step % 2 == 0)) }
        cache.append(Frames.picture(at: 400))
        #expect(self.times(cache.allGroups) == [200, 300, 400])
        #expect(cache.bytes == 300)
    }

    @Test func theMemoryThatIsHeldIsThatOfTheSlabsTheFramesLieIn() {
        var cache = self.cache()
        let slab = PayloadSlab()
        for tenth in 0..<100 {
            var frame = Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0)
            frame.payload = slab.copy(ByteBuffer(repeating: 1, count: 10_000))
            cache.append(frame)
        }
        // Three groups of ten, six pictures a slab: it takes five slabs, or six when the first one begins in the middle.
        #expect(cache.bytes == 300_000)
        #expect([5, 6].contains(cache.heldBytes / (64 << 10)) && cache.heldBytes % (64 << 10) == 0)
        cache.reset()
        #expect(cache.heldBytes == 0)
    }

    /// Originals follow what was made of them, out of another slab.
    @Test func originalsInASlabOfTheirOwnCountOnce() {
        var cache = self.cache()
        let (slab, own) = (PayloadSlab(), PayloadSlab())
        for tenth in 0..<100 {
            var picture = Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0)
            picture.payload = slab.copy(ByteBuffer(repeating: 1, count: 1_000))
            var original = Frames.sound(at: Int64(tenth) * 100)
            original.track = .originalAudio
            original.payload = own.copy(ByteBuffer(repeating: 1, count: 100))
            cache.append(picture)
            cache.append(original)
        }
        #expect(cache.heldBytes <= 4 * 64 << 10)
    }

    @Test func withoutVideoTheLastSecondsOfSoundAreKept() {
        var cache = self.cache(milliseconds: 1_000, hasVideo: false)
        for step in 0..<500 { cache.append(Frames.sound(at: Int64(step) * 20)) }
        let kept = self.times(cache.allGroups)
        #expect(kept.last == 9980)
        #expect(kept.count >= 50 && kept.count <= 53)
        #expect(cache.newestKeyframe == nil)
    }
}
