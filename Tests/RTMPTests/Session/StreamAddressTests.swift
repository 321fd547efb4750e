import Testing

@testable import RTMP

@Suite struct StreamAddressTests {
    private func address(_ app: String, _ name: String, tcURL: String = "") throws -> StreamAddress {
        try #require(StreamAddress(app: app, tcURL: tcURL, name: name))
    }

    @Test(arguments: [
        ("live", "demo", StreamPath(app: "live", id: "demo")),
        ("live/", "demo", StreamPath(app: "live", id: "demo")),
        ("live", "demo/token", StreamPath(app: "live", id: "demo", rest: ["token"])),
        ("live", "demo/token/sub/123456", StreamPath(app: "live", id: "demo", rest: ["token", "sub", "123456"])),
        ("a/b", "demo", StreamPath(app: "a/b", id: "demo")),
        ("live/demo", "", StreamPath(app: "live", id: "demo")),
        ("live", "", StreamPath(app: "live", id: "")),
        ("", "", StreamPath(app: "", id: "")),
        ("", "demo", StreamPath(app: "", id: "demo")),
        ("live", "/demo//x/", StreamPath(app: "live", id: "demo", rest: ["x"])),
        ("live", "d%65mo%2Fx", StreamPath(app: "live", id: "demo/x")),
        ("live", "a%zz%4", StreamPath(app: "live", id: "a%zz%4")),
        ("live", "..", StreamPath(app: "live", id: "..")),
        ("live", "%2e%2e", StreamPath(app: "live", id: "..")),
        ("live", "a\u{0}b c", StreamPath(app: "live", id: "a\u{0}b c")),
        ("live", "%ff", StreamPath(app: "live", id: "\u{FFFD}")),
    ])
    func pathsAreTakenApart(app: String, name: String, path: StreamPath) throws {
        #expect(try self.address(app, name).path == path)
    }

    @Test func parametersComeFromNameApplicationAndURL() throws {
        let address = try self.address(
            "live?a=1&same=x", "demo?token=a%2Fb+c&flag&=none&a=2", tcURL: "rtmp://h/live?a=1&same=x&z=9")
        #expect(
            address.parameters == [
                QueryParameter(name: "token", value: "a/b+c"), QueryParameter(name: "flag", value: ""), QueryParameter(name: "a", value: "2"),
                QueryParameter(name: "a", value: "1"), QueryParameter(name: "same", value: "x"), QueryParameter(name: "z", value: "9"),
            ])
        #expect(address.path == StreamPath(app: "live", id: "demo"))
    }

    @Test func aQuestionMarkInAQueryStays() throws {
        #expect(try self.address("live", "demo?url=a?b=c").parameters == [QueryParameter(name: "url", value: "a?b=c")])
    }

    @Test func lengthsAreLimited() throws {
        #expect(try self.address("live", String(repeating: "i", count: 256)).path.id.count == 256)
        #expect(StreamAddress(app: "live", tcURL: "", name: String(repeating: "i", count: 257)) == nil)
        #expect(StreamAddress(app: "live", tcURL: "", name: String(repeating: "a/", count: 33_000)) == nil)
        #expect(StreamAddress(app: "live", tcURL: "", name: "d?" + (0..<65).map { "p\($0)" }.joined(separator: "&")) == nil)
    }

    @Test func aPathIsCutAgainBehindAKnownApplication() {
        let apps = ["live", "live/hd", "LiveApp"]
        #expect(StreamPath(app: "live/demo", id: "secret").under(apps) == StreamPath(app: "live", id: "demo", rest: ["secret"]))
        #expect(StreamPath(app: "live", id: "hd", rest: ["demo"]).under(apps) == StreamPath(app: "live/hd", id: "demo"))
        #expect(StreamPath(app: "other/x", id: "demo").under(apps) == StreamPath(app: "other/x", id: "demo"))
        #expect(StreamPath(app: "live", id: "").under(apps) == StreamPath(app: "live", id: ""))
        #expect(StreamPath(app: "", id: "demo").under([""]) == StreamPath(app: "", id: "demo"))
    }
}
