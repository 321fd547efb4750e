import Packaging
import Testing

@Suite struct DeliveryDirectivesTests {
    @Test(arguments: [nil, "", "token=abc&x", "_HLS_unknown=7&_HLS_skip=maybe", "startle=1&_hls_msn=3", "dvr=0"] as [String?])
    func whatIsNoDirectiveIsPassedOver(query: String?) throws {
        let directives = try DeliveryDirectives(query: query)
        #expect(!directives.isLowLatency && !directives.isCut)
    }

    @Test func directivesOfTheRFCAreRead() throws {
        let directives = try DeliveryDirectives(query: "token=a&_HLS_msn=12&_HLS_part=3&_HLS_skip=YES")
        #expect(directives == DeliveryDirectives(segment: 12, part: 3, skips: true))
        #expect(directives.isLowLatency && !directives.isCut)
        #expect(try DeliveryDirectives(query: "_HLS_skip=v2").skips)
        #expect(try DeliveryDirectives(query: "_HLS_msn=5&_HLS_msn=5").segment == 5)
    }

    @Test(arguments: [
        "_HLS_msn=", "_HLS_msn", "_HLS_msn=-1", "_HLS_msn=+1", "_HLS_msn=1e3", "_HLS_msn=99999999999999999999", "_HLS_msn=%31", "_HLS_part=1",
        "_HLS_msn=1&_HLS_part=x", "_HLS_msn=1&_HLS_msn=2", "start=x", "start=", "start=-5", "start=5&end=5", "start=5&end=4", "end=1.", "start=1.2.3",
        "start=999999999999999", "end=1.0000000001",
    ])
    func nonsenseIsMalformed(query: String) {
        #expect(throws: DeliveryDirectives.Malformed.query) { try DeliveryDirectives(query: query) }
    }

    @Test func cutsAreSecondsSince1970WithOrWithoutFraction() throws {
        let directives = try DeliveryDirectives(query: "start=1700000000.25&end=1700000001")
        #expect(directives.start == 1_700_000_000_250)
        #expect(directives.end == 1_700_000_001_000)
        #expect(directives.isCut && !directives.isLowLatency)
        #expect(try DeliveryDirectives(query: "start=7.123456789").start == 7_123)
        #expect(try DeliveryDirectives(query: "dvr").wantsHistory)
    }
}
