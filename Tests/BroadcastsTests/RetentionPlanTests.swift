import NIOCore
import Store
import Testing

@testable import Broadcasts

/// What goes and what stays, decided from values alone.
@Suite struct RetentionPlanTests {
    private static let now: Int64 = 1_700_000_000_000
    private static let day: Int64 = 86_400_000

    /// One recording a day, of 100 bytes each, the newest of today: `r5` … `r0`.
    private static func stock(_ count: Int = 6) -> RecordingStock {
        let entries = (0..<count).reversed().map { RecordingStock.Entry(id: "r\($0)", createdAt: Self.now - Int64($0) * Self.day, bytes: 100) }
        return RecordingStock(oldest: entries, totalBytes: Int64(count) * 100, newestID: entries.last?.id)
    }

    private static func removed(of stock: RecordingStock = Self.stock(), free: Int64? = nil, _ rules: RetentionRules) -> [String] {
        RetentionPlan(stock, free: free, now: Self.now, rules: rules).removals.map(\.id)
    }

    @Test func withoutRulesNothingGoes() {
        #expect(Self.removed(free: 0, RetentionRules()).isEmpty)
        #expect(!RetentionRules().isOn)
    }

    @Test func whatIsOlderThanTheAgeGoesAndWhatIsExactlyThatOldStays() {
        #expect(Self.removed(.init(maximumAge: 3 * Self.day)) == ["r5", "r4"])
        #expect(Self.removed(.init(maximumAge: 3 * Self.day - 1)) == ["r5", "r4", "r3"])
    }

    @Test func ageTakesTheNewestToo() {
        let old = RecordingStock(oldest: [.init(id: "only", createdAt: Self.now - Self.day, bytes: 1)], totalBytes: 1, newestID: "only")
        #expect(Self.removed(of: old, .init(maximumAge: 1000)) == ["only"])
    }

    @Test func aClockThatWentBackMakesNothingOld() {
        let future = RecordingStock(oldest: [.init(id: "f", createdAt: Self.now + Self.day, bytes: 1)], totalBytes: 1, newestID: nil)
        #expect(Self.removed(of: future, .init(maximumAge: 1)).isEmpty)
    }

    @Test func theOldestGoUntilTheRestFits() {
        #expect(Self.removed(.init(maximumBytes: 600)).isEmpty)
        #expect(Self.removed(.init(maximumBytes: 599)) == ["r5"])
        #expect(Self.removed(.init(maximumBytes: 250)) == ["r5", "r4", "r3", "r2"])
    }

    @Test func theOldestGoUntilEnoughIsFree() {
        #expect(Self.removed(free: 500, .init(minimumFreeBytes: 500)).isEmpty)
        #expect(Self.removed(free: 499, .init(minimumFreeBytes: 500)) == ["r5"])
        #expect(Self.removed(free: 250, .init(minimumFreeBytes: 500)) == ["r5", "r4", "r3"])
    }

    @Test func theNewestStaysHoweverLittleRoomThereIs() {
        #expect(Self.removed(free: 0, .init(maximumBytes: 1, minimumFreeBytes: 1 << 40)) == ["r5", "r4", "r3", "r2", "r1"])
    }

    @Test func aDiskThatSaysNothingIsNoReason() {
        #expect(Self.removed(free: nil, .init(minimumFreeBytes: 1 << 40)).isEmpty)
    }

    @Test func theStrictestRuleCounts() {
        let rules = RetentionRules(maximumAge: 4 * Self.day + 1, maximumBytes: 400, minimumFreeBytes: 1000)
        #expect(Self.removed(free: 1000, rules) == ["r5", "r4"])
        #expect(Self.removed(free: 600, rules) == ["r5", "r4", "r3", "r2"])
    }

    /// The list is a part of what there is: the rest is decided in the next step.
    @Test func aPartOfTheListIsEnough() {
        let part = RecordingStock(oldest: Array(Self.stock().oldest.prefix(2)), totalBytes: 600, newestID: "r0")
        #expect(Self.removed(of: part, .init(maximumBytes: 100)) == ["r5", "r4"])
    }

    @Test func whoMakesRoomMakesEnoughForTheNextRecording() {
        let level = DiskLevel(low: 100, sufficient: 150)
        #expect(RetentionRules(minimumFreeBytes: 20).making(roomOf: level).minimumFreeBytes == 150)
        #expect(RetentionRules(minimumFreeBytes: 200).making(roomOf: level).minimumFreeBytes == 200)
        #expect(RetentionRules().making(roomOf: level).minimumFreeBytes == 0)
    }

    // MARK: The disk

    @Test func aDiskAtTheBrinkDoesNotGoToAndFro() {
        var level = DiskLevel(low: 100, sufficient: 150)
        #expect(level.measured(100) == nil)
        #expect(level.measured(99) == .ranLow(free: 99))
        for free: Int64? in [99, 0, 100, 149, nil] {
            #expect(level.measured(free) == nil)
            #expect(level.isLow)
        }
        #expect(level.measured(150) == .recovered(free: 150))
        for free: Int64? in [149, 100, nil] { #expect(level.measured(free) == nil && !level.isLow) }
        #expect(level.measured(98) == .ranLow(free: 98))
    }

    @Test func theUpperMarkIsAQuarterHigherUnlessItIsSet() {
        #expect(DiskLevel(low: 100).sufficient == 125)
        #expect(DiskLevel(low: 100, sufficient: 50).sufficient == 100, "never below the lower one")
        var never = DiskLevel(low: 0)
        #expect(never.measured(0) == nil && !never.isLow)
    }

    @Test func roomThatIsOnItsWayCountsForAWhile() {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var freed = FreedSpace()
        #expect(freed.missing(free: 10, now: start) == 0)
        freed.removed(100, free: 10, now: start)
        freed.removed(50, free: 10, now: start + .seconds(1))
        #expect(freed.missing(free: 10, now: start + .seconds(2)) == 150)
        #expect(freed.missing(free: 110, now: start + .seconds(2)) == 50)
        #expect(freed.missing(free: 500, now: start + .seconds(2)) == 0)
        #expect(freed.missing(free: 5, now: start + .seconds(2)) == 150, "others write meanwhile")
        #expect(freed.missing(free: 10, now: start + .seconds(30)) == 0, "it is not coming")
        freed.removed(7, free: 20, now: start + .seconds(31))
        #expect(freed.missing(free: 20, now: start + .seconds(32)) == 7)
    }
}
