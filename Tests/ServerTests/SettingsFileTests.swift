import Foundation
import TestSupport
import Testing

@testable import Server

@Suite struct SettingsFileTests {
    private func read(_ text: String) -> SettingsFile { SettingsFile(name: "m.yaml", text: text) }
    private func problems(_ text: String) -> [String] { self.read(text).problems.map(\.description) }

    @Test func keysComeWithTheirLines() {
        let file = self.read("# head\ndataDir: /srv\nhttp:\n  # port\n  port: 80\napi:\n  allow: [10.0.0.0/8, \"::1\"]\n")
        #expect(file.problems.isEmpty)
        #expect(
            file.entries == [
                .init(path: "dataDir", value: .scalar("/srv", isQuoted: false), line: 2),
                .init(path: "http.port", value: .scalar("80", isQuoted: false), line: 5),
                .init(path: "api.allow", value: .list(["10.0.0.0/8", "::1"]), line: 7),
            ])
    }

    @Test(arguments: ["", "# only a comment\n", "---\n", "~\n"]) func anEmptyFileSetsNothing(text: String) {
        #expect(self.read(text).problems.isEmpty)
        #expect(self.read(text).entries.isEmpty)
    }

    @Test func anEmptySectionSetsNothing() {
        #expect(self.read("http:\n  # port: 80\nrtmp:\n").problems.isEmpty)
    }

    @Test func anUnknownKeyIsToldWithItsLineAndWhatWasMeant() {
        #expect(self.problems("http:\n  prot: 80\n") == ["m.yaml:2: http.prot: there is no such setting; did you mean http.port?"])
        #expect(self.problems("dataDri: x\n") == ["m.yaml:1: dataDri: there is no such setting; did you mean dataDir?"])
        #expect(self.problems("http:\n  maxHeight: 1\n") == ["m.yaml:2: http.maxHeight: there is no such setting; did you mean publish.maxHeight?"])
        #expect(self.problems("zebra: 1\n") == ["m.yaml:1: zebra: there is no such setting"])
    }

    @Test func anUnknownKeyNeverShowsItsValue() {
        #expect(!self.problems("api:\n  tokn: hunter2\n").joined().contains("hunter2"))
    }

    @Test func aDottedKeyIsNotTakenForANestedOne() {
        let found = self.problems("http.port: 80\n")
        #expect(found == ["m.yaml:1: http.port: there is no such setting; did you mean http.port, written as a key of its section,?"])
    }

    @Test func aKeySetTwiceIsToldWithBothLines() {
        #expect(self.problems("app: a\nserverName: b\napp: c\n") == ["m.yaml:3: app: set twice; first at m.yaml:1"])
        #expect(self.problems("\"app\": a\napp: c\n") == ["m.yaml:2: app: set twice; first at m.yaml:1"])
    }

    @Test func aSectionGivenTwiceIsToldAndStillReadToItsEnd() {
        let found = self.problems("http:\n  port: 1\nhttp:\n  prot: 2\n  port: 3\n")
        #expect(
            found == [
                "m.yaml:3: http: set twice; first at m.yaml:1",
                "m.yaml:4: http.prot: there is no such setting; did you mean http.port?",
                "m.yaml:5: http.port: set twice; first at m.yaml:2",
            ])
    }

    @Test func threeOfAKindAreToldTwice() {
        let found = self.problems("http:\n  port: 1\n  port: 2\n  host: a\n  port: 3\n  host: b\n")
        #expect(found.count == 3)
        #expect(found.filter { $0.contains("http.port: set twice; first at m.yaml:2") }.count == 2)
        #expect(found.filter { $0.contains("http.host: set twice; first at m.yaml:4") }.count == 1)
    }

    @Test func aSectionThatIsNoMappingIsRefused() {
        #expect(self.problems("http: 80\n") == ["m.yaml:1: http: 80 is not allowed; allowed: a mapping of keys to values"])
        #expect(self.problems("rtmp: [1, 2]\n") == ["m.yaml:1: rtmp: [1, 2] is not allowed; allowed: a mapping of keys to values"])
    }

    @Test(arguments: ["- a\n- b\n", "just text\n"]) func aFileThatIsNoMappingIsRefused(text: String) {
        #expect(self.problems(text) == ["m.yaml:1: the settings must be a mapping of keys to values"])
    }

    @Test(arguments: ["http: {port: 80\n", "http:\n\tport: 80\n", "a: b: c\n", "app: *nowhere\n", "app: a\n---\napp: b\n", "app: \"x\n"])
    func whatIsNoYAMLIsToldWithALine(text: String) throws {
        let found = self.problems(text)
        let only = try #require(found.first)
        #expect(found.count == 1)
        #expect(only.hasPrefix("m.yaml:"))
        #expect(only.contains("is not YAML"))
    }

    @Test func keysThatAreNoWordsAreRefused() {
        #expect(self.problems("[a, b]: 1\n") == ["m.yaml:1: a key must be a plain word"])
        #expect(!self.problems("? {x: 1}\n: 1\n? {x: 1}\n: 2\n").isEmpty)
    }

    /// Aliases that multiply are not followed: only known keys are looked into, and a list of lists is no value.
    @Test(.againstHanging) func anAliasBombIsRefusedAtOnce() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 { text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n" }
        let file = self.read(text + "appAliases: *a12\n")
        #expect(file.problems.count == 13)
        #expect(file.entries.map(\.value) == [.nestedList])
    }

    @Test func aMissingFileIsTold() {
        let file = SettingsFile(path: "/nonexistent/martlet.yaml")
        #expect(file.problems.map(\.description) == ["/nonexistent/martlet.yaml: cannot be read: there is no such file"])
    }

    @Test func aFileThatIsNoTextIsRefused() throws {
        let path = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString).yaml"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try Data([0xFF, 0xFE, 0x00, 0x80]).write(to: URL(fileURLWithPath: path))
        #expect(SettingsFile(path: path).problems.map(\.description) == ["\(path): is not a UTF-8 text of at most 1 MiB"])
        try Data(repeating: 0x23, count: (1 << 20) + 1).write(to: URL(fileURLWithPath: path))
        #expect(SettingsFile(path: path).problems.count == 1)
    }
}
