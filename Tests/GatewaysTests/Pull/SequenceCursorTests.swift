import Testing

@testable import Gateways

@Suite struct SequenceCursorTests {
    private func list(_ count: Int, first: Int = 0, loops: Bool = true) -> PullSequence {
        PullSequence(items: (0..<count).map { PullItem(url: "http://h/\($0).mp4", isFile: true) }, firstIndex: first, loops: loops)
    }

    /// Opens and plays `count` items.
    private func played(_ cursor: inout SequenceCursor, _ count: Int) -> [Int] {
        var order: [Int] = []
        for _ in 0..<count where cursor.candidate != nil {
            cursor.opened()
            cursor.played()
            if let current = cursor.current { order.append(current) }
        }
        return order
    }

    @Test func aLoopingListBeginsAgain() {
        var cursor = SequenceCursor(self.list(3))
        #expect(self.played(&cursor, 7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func aListThatDoesNotLoopEndsAfterItsLast() {
        var cursor = SequenceCursor(self.list(3, first: 1, loops: false))
        #expect(self.played(&cursor, 7) == [1, 2])
        #expect(cursor.candidate == nil)
        #expect(!cursor.allFailed)
    }

    @Test(arguments: [-1, 3, 99]) func aFirstIndexOutsideTheListIsZero(first: Int) {
        var cursor = SequenceCursor(self.list(3, first: first))
        #expect(self.played(&cursor, 1) == [0])
    }

    @Test func oneItemFollowsItself() {
        var cursor = SequenceCursor(self.list(1))
        #expect(self.played(&cursor, 3) == [0, 0, 0])
    }

    @Test func anyNumberOfBadItemsIsPassedOver() {
        var cursor = SequenceCursor(self.list(5))
        cursor.opened()
        cursor.played()
        for _ in 1...3 { cursor.failed() }
        #expect(cursor.candidate == 4)
        #expect(!cursor.allFailed)
    }

    @Test func aListOfBadItemsIsTriedOnceAndThenAgainFromWhereItStood() {
        var cursor = SequenceCursor(self.list(3, first: 1))
        for _ in 0..<3 { cursor.failed() }
        #expect(cursor.candidate == nil)
        #expect(cursor.allFailed)
        cursor.retry()
        #expect(cursor.candidate == 0)
        #expect(!cursor.allFailed)
    }

    @Test func theOnlyGoodItemPlaysOnWhileTheOthersFail() {
        var cursor = SequenceCursor(self.list(3))
        for _ in 0..<10 {
            cursor.opened()
            #expect(cursor.current == 0)
            cursor.played()
            cursor.failed()
            cursor.failed()
            #expect(cursor.candidate == 0)
        }
    }

    @Test func badItemsAtTheEndOfAListThatDoesNotLoopEndIt() {
        var cursor = SequenceCursor(self.list(3, loops: false))
        cursor.opened()
        cursor.played()
        cursor.failed()
        cursor.failed()
        #expect(cursor.candidate == nil)
        #expect(!cursor.allFailed)
    }

    @Test func itemsThatBreakOffAtOnceCountAsBad() {
        var cursor = SequenceCursor(self.list(2))
        cursor.opened()
        cursor.brokeOff()
        #expect(cursor.candidate == 1)
        cursor.opened()
        cursor.brokeOff()
        #expect(cursor.candidate == nil)
        #expect(cursor.allFailed)
    }

    @Test func aSkipTakesOverAndTheListGoesOnBehindIt() {
        var cursor = SequenceCursor(self.list(5))
        cursor.opened()
        #expect(cursor.skip(to: 3) == true)
        #expect(cursor.isSkipping)
        #expect(cursor.candidate == 3)
        cursor.opened()
        #expect(!cursor.isSkipping)
        #expect(cursor.candidate == 4)
    }

    @Test func nextTwiceGoesTwoItemsOn() {
        var cursor = SequenceCursor(self.list(4))
        cursor.opened()
        #expect(cursor.skip(to: nil) == true)
        #expect(cursor.skip(to: nil) == true)
        #expect(cursor.candidate == 2)
    }

    @Test func nextBeforeTheFirstItemIsOpenPassesItOver() {
        var cursor = SequenceCursor(self.list(3))
        #expect(cursor.skip(to: nil) == true)
        #expect(cursor.candidate == 1)
    }

    @Test func thereIsNothingAfterTheLastUnlessItLoops() {
        var ends = SequenceCursor(self.list(2, first: 1, loops: false))
        ends.opened()
        #expect(ends.skip(to: nil) == false)
        #expect(ends.skip(to: 0) == true)
        var loops = SequenceCursor(self.list(2, first: 1))
        loops.opened()
        #expect(loops.skip(to: nil) == true)
        #expect(loops.candidate == 0)
    }

    @Test(arguments: [-1, 2, Int.max, Int.min]) func thereIsNoSuchItem(index: Int) {
        var cursor = SequenceCursor(self.list(2))
        cursor.opened()
        #expect(cursor.skip(to: index) == false)
        #expect(!cursor.isSkipping)
        #expect(cursor.candidate == 1)
    }

    @Test func aSkipToABadItemGoesToTheOneBehindIt() {
        var cursor = SequenceCursor(self.list(4))
        cursor.opened()
        _ = cursor.skip(to: 2)
        cursor.failed()
        #expect(cursor.candidate == 3)
        #expect(cursor.isSkipping)
    }

    @Test func aSkipThatFindsNothingLeavesWhatIsPlayed() {
        var cursor = SequenceCursor(self.list(3, loops: false))
        cursor.opened()
        cursor.played()
        _ = cursor.skip(to: 2)
        cursor.failed()
        #expect(!cursor.isSkipping)
        #expect(cursor.candidate == 1)
        #expect(cursor.current == 0)
    }

    @Test func anEditIsLookedUpWhenTheItemEnds() {
        var cursor = SequenceCursor(self.list(2))
        cursor.opened()
        cursor.replace(self.list(4))
        #expect(cursor.current == 0)
        #expect(cursor.candidate == 1)
        #expect(self.played(&cursor, 4) == [1, 2, 3, 0])
    }

    @Test func aShorterListGoesOnAtItsBeginning() {
        var cursor = SequenceCursor(self.list(5, first: 4))
        cursor.opened()
        cursor.replace(self.list(2))
        #expect(cursor.candidate == 0)
        var ends = SequenceCursor(self.list(5, first: 4))
        ends.opened()
        ends.replace(self.list(2, loops: false))
        #expect(ends.candidate == nil)
    }

    @Test func anEditDoesNotUndoASkip() {
        var cursor = SequenceCursor(self.list(5))
        cursor.opened()
        _ = cursor.skip(to: 3)
        cursor.replace(self.list(4))
        #expect(cursor.isSkipping)
        #expect(cursor.candidate == 3)
        cursor.replace(self.list(2))
        #expect(!cursor.isSkipping)
        #expect(cursor.candidate == 1)
    }

    @Test func anEmptyListIsNotTaken() {
        var cursor = SequenceCursor(self.list(2))
        cursor.opened()
        cursor.replace(PullSequence(items: [], loops: true))
        #expect(cursor.sequence.items.count == 2)
        #expect(cursor.candidate == 1)
    }
}
