import Testing

@testable import Server

@Suite struct SpellingTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "", 3), ("prot", "port", 1), ("kitten", "sitting", 3),
    ])
    func distancesCountSlips(one: String, other: String, distance: Int) {
        #expect(Spelling.distance(one, other) == distance)
        #expect(Spelling.distance(other, one) == distance)
    }

    @Test func theNearestIsFoundWhateverTheCase() {
        #expect(Spelling.nearest(to: "HTTP.PROT", among: ["rtmp.port", "http.port"]) == "http.port")
    }

    @Test func whatIsFarFromEverythingSuggestsNothing() {
        #expect(Spelling.nearest(to: "zebra", among: ["http.port", "app.name"]) == nil)
        #expect(Spelling.nearest(to: String(repeating: "x", count: 10_000), among: ["x"]) == nil)
    }
}
