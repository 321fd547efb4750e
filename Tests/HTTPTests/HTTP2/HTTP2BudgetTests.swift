import NIOCore
import Testing

@testable import HTTP

@Suite struct HTTP2BudgetTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test func theBurstIsThereAtOnceAndRefillsWithTime() {
        var budget = HTTP2Budget(burst: 5, perSecond: 2, now: self.start)
        #expect((0..<7).map { _ in budget.spend(now: self.start) } == [true, true, true, true, true, false, false])
        #expect([499, 500, 501].map { budget.spend(now: self.start + .milliseconds($0)) } == [false, true, false])
        #expect((0..<6).map { _ in budget.spend(now: self.start + .hours(1)) } == [true, true, true, true, true, false])
    }

    @Test func manySmallStepsEarnAsMuchAsOneLargeOne() {
        var budget = HTTP2Budget(burst: 10, perSecond: 10, now: self.start)
        #expect([10].map { budget.spend($0, now: self.start) } == [true])
        let spent = (1...1000).filter { step in budget.spend(now: self.start + .milliseconds(Int64(step))) }.count
        #expect((9...10).contains(spent))
    }

    @Test func aSpendingLargerThanTheBurstIsNeverAllowed() {
        var budget = HTTP2Budget(burst: 5, perSecond: 1, now: self.start)
        #expect([6, 5].map { budget.spend($0, now: self.start + .hours(1)) } == [false, true])
    }
}
