import NIOCore
import Testing

@testable import Outputs

@Suite struct ProgressPaceTests {
    @Test func shortWorkIsNotToldOfAndLongWorkNotTooOften() {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var pace = ProgressPace(now: start)
        let told = (0...70).filter { pace.isDue(start + .milliseconds(Int64($0) * 100)) }
        #expect(told == [20, 40, 60])
    }
}
