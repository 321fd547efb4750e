import AV
import Media
import NIOCore
import TestSupport
import Testing

@testable import Gateways

@Suite struct ItemHeadTests {
    /// Gives a list, then the end.
    private final class ListInput: PullInput {
        let duration: MediaTime? = nil
        let startTime: MediaTime? = nil
        let isSeekable = false
        let isLive = true
        private(set) var read = 0
        private let items: [FrameReader.Item]

        init(_ items: [FrameReader.Item]) { self.items = items }

        func next() throws(PullFailure) -> FrameReader.Item? {
            guard self.read < self.items.count else { return nil }
            defer { self.read += 1 }
            return self.items[self.read]
        }

        func seek(to time: MediaTime) throws(PullFailure) { throw PullFailure(cause: .other, text: "a list") }
    }

    private let both = FrameReader.Item.tracks([Frames.video, Frames.audio])

    private func head(_ items: [FrameReader.Item]) throws(PullFailure) -> ItemHead {
        var tolerance = ReadTolerance(isFile: true)
        return try ItemHead.read(from: ListInput(items), tolerance: &tolerance)
    }

    private func frames(_ head: ItemHead) -> [EncodedFrame] {
        head.items.compactMap { item in if case .frame(let frame) = item { frame } else { nil } }
    }

    @Test func itIsReadUntilEveryTrackHasShownAFrame() throws {
        let items =
            [self.both] + [
                .frame(Frames.picture(at: 0, key: true)), .frame(Frames.picture(at: 40)), .frame(Frames.sound(at: 10)), .frame(Frames.sound(at: 33)),
            ]
        let input = ListInput(items)
        var tolerance = ReadTolerance(isFile: true)
        let head = try ItemHead.read(from: input, tolerance: &tolerance)
        #expect(input.read == 4)
        #expect(head.tracks == [Frames.video, Frames.audio])
        #expect(self.frames(head).count == 3)
        #expect(head.firstPresentation == .zero)
        #expect(!head.isWhole)
    }

    @Test func theFirstPictureSaysWhenItBegins() throws {
        let head = try self.head([self.both, .frame(Frames.sound(at: -21)), .frame(Frames.picture(at: -80, key: true, offset: 80))])
        #expect(head.firstPresentation == .zero)
        #expect(self.frames(head).count == 2, "a packet of priming stays")
    }

    @Test func soundLongBeforeTheFirstKeyframeIsLeftOut() throws {
        let sounds = (0..<60).map { FrameReader.Item.frame(Frames.sound(at: Int64($0) * 21)) }
        let head = try self.head([self.both] + sounds + [.frame(Frames.picture(at: 1_000, key: true)), .frame(Frames.sound(at: 1_260))])
        #expect(self.frames(head).prefix(2).map(\.decodeTime) == [MediaTime(milliseconds: 1_000), MediaTime(milliseconds: 1_008)])
        #expect(head.firstPresentation == MediaTime(milliseconds: 1_000))
    }

    @Test func soundThatComesAheadOfItsPictureFollowsIt() throws {
        let sounds = (0..<20).map { FrameReader.Item.frame(Frames.sound(at: Int64($0) * 21 - 21)) }
        let head = try self.head([self.both] + sounds + [.frame(Frames.picture(at: 0, key: true))])
        let frames = self.frames(head)
        #expect(frames.count == 21)
        #expect(frames.map(\.kind).prefix(3) == [.audio, .video, .audio])
        #expect(frames.dropFirst(2).first?.decodeTime == .zero)
    }

    @Test func picturesBeforeTheFirstKeyframeAreLeftOut() throws {
        let head = try self.head([
            .tracks([Frames.video]), .frame(Frames.picture(at: 0)), .frame(Frames.picture(at: 40)), .frame(Frames.picture(at: 80, key: true)),
        ])
        #expect(self.frames(head).map(\.decodeTime) == [MediaTime(milliseconds: 80)])
    }

    @Test func aTrackThatNeverShowsIsWaitedForFourSeconds() throws {
        let pictures = (0..<500).map { FrameReader.Item.frame(Frames.picture(at: Int64($0) * 40, key: $0 % 25 == 0)) }
        let head = try self.head([self.both] + pictures)
        #expect(self.frames(head).count > 90)
        #expect(self.frames(head).count < 110)
    }

    @Test func whatIsReadAheadIsBoundedInBytes() throws {
        let pictures = (0..<20).map { FrameReader.Item.frame(Frames.picture(at: Int64($0), key: true, bytes: 1 << 20)) }
        #expect(try self.frames(self.head([self.both] + pictures)).count == 17)
    }

    @Test func whatIsReadAheadIsBoundedInNumber() throws {
        let pictures = (0..<5_000).map { _ in FrameReader.Item.frame(Frames.picture(at: 0, key: true, bytes: 1)) }
        #expect(try self.frames(self.head([self.both] + pictures)).count == 2_001)
    }

    @Test func aChangeOfTracksKeepsItsPlace() throws {
        let head = try self.head([self.both, .frame(Frames.sound(at: 0)), .tracks([Frames.video]), .frame(Frames.picture(at: 0, key: true))])
        guard head.items.count == 3, case .tracks(let tracks) = head.items[1] else {
            Issue.record("the change is not where it was")
            return
        }
        #expect(tracks == [Frames.video])
    }

    @Test func aShortItemIsWholeInItsHead() throws {
        let head = try self.head([self.both, .frame(Frames.picture(at: 0, key: true))])
        #expect(head.isWhole)
        #expect(head.firstPresentation == .zero)
    }

    @Test func anItemWithoutFramesIsNothingToPlay() {
        #expect(throws: PullFailure(cause: .nothingToPlay, text: "there is neither a picture nor a sound in it")) { try self.head([self.both]) }
        #expect(throws: PullFailure.self) { try self.head([]) }
    }

    @Test func onlyAFilesBrokenPartsArePassedOver() {
        let broken = PullFailure(cause: .invalidData, text: "broken")
        var live = ReadTolerance(isFile: false)
        #expect(live.passes(over: broken) == false)
        var file = ReadTolerance(isFile: true)
        #expect(file.passes(over: PullFailure(cause: .timedOut, text: "late")) == false)
        for _ in 0..<50 { #expect(file.passes(over: broken) == true) }
        #expect(file.passes(over: broken) == false)
        file.succeeded()
        #expect(file.passes(over: broken) == true)
    }
}
