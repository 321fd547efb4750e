import Foundation
import Testing

@Suite struct DocumentationTests {
    private static func pages() throws -> [House.File] {
        try [House.file("README.md")] + House.files(in: "docs", ending: ".md")
    }

    @Test func everyRelativeLinkLeadsSomewhere() throws {
        for page in try Self.pages() {
            let folder = page.path.split(separator: "/").dropLast().joined(separator: "/")
            for match in page.text.matches(of: #/\]\(([^)\s]+)\)/#) {
                let link = String(match.output.1)
                if link.hasPrefix("http://") || link.hasPrefix("https://") || link.hasPrefix("mailto:") { continue }
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let target = parts[0].isEmpty ? page.path : Self.resolve(String(parts[0]), in: folder)
                #expect(House.exists(target), "\(page.path) links to \(link)")
                if parts.count == 2, House.exists(target) {
                    #expect(try Self.anchors(of: House.file(target)).contains(String(parts[1])), "\(page.path) links to \(link)")
                }
            }
        }
    }

    /// Paths in backticks that begin with a folder of ours exist too.
    @Test func everyFileNamedInTheDocumentationExists() throws {
        for page in try Self.pages() {
            for match in page.text.matches(of: #/`((?:Sources|Tests|config|scripts|migrations|docs)\/[A-Za-z0-9_+.\/-]*)`/#) {
                let path = String(match.output.1)
                #expect(House.exists(path), "\(page.path) names \(path)")
            }
        }
    }

    @Test func everyPageIsReachableFromTheReadme() throws {
        var reached: Set<String> = []
        var open = ["README.md"]
        while let path = open.popLast() {
            guard reached.insert(path).inserted else { continue }
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            for match in try House.file(path).text.matches(of: #/\]\(([^)#\s:]+\.md)(#[^)]*)?\)/#) {
                let target = Self.resolve(String(match.output.1), in: folder)
                if House.exists(target) { open.append(target) }
            }
        }
        for page in try Self.pages() { #expect(reached.contains(page.path), "\(page.path) is linked from nowhere") }
    }

    @Test func everyDecisionSaysTheSameFourThings() throws {
        let names = try House.names(in: "docs/decisions").filter { $0 != "README.md" }
        for (index, name) in names.enumerated() {
            #expect(name.hasPrefix(String(format: "%04d-", index + 1)) && name.hasSuffix(".md"), "\(name)")
            let headings = try House.file("docs/decisions/\(name)").lines.filter { $0.hasPrefix("## ") }
            #expect(headings == ["## Context", "## Decision", "## What we gave up", "## When to look again"], "\(name)")
        }
        #expect(!names.isEmpty)
    }

    /// Each row of the bad input table ends with the tests that prove it.
    @Test func everyRowOfTheBadInputTableHasItsTest() throws {
        let tests = try House.files(in: "Tests", ending: ".swift")
        let page = try House.file("docs/bad-input.md")
        let rows = page.lines.filter { $0.hasPrefix("| ") && !$0.hasPrefix("| What comes in") && !$0.hasPrefix("| ---") }
        #expect(!rows.isEmpty)
        for row in rows {
            let cell = try #require(row.split(separator: "|").last { !$0.allSatisfy(\.isWhitespace) })
            let names = cell.matches(of: #/`(\w+)`/#).map { String($0.output.1) }
            #expect(!names.isEmpty, "no test in: \(row)")
            for name in names { #expect(tests.contains { $0.mentions("func \(name)(") }, "there is no test \(name), named in: \(row)") }
        }
    }

    private static func resolve(_ link: String, in folder: String) -> String {
        var parts = folder.split(separator: "/").map { String($0) }
        for part in link.split(separator: "/") {
            switch part {
            case ".": break
            case "..": if !parts.isEmpty { parts.removeLast() }
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }

    /// As GitHub makes them: lower case, blanks to dashes, punctuation gone.
    private static func anchors(of page: House.File) -> Set<String> {
        Set(
            page.lines.filter { $0.hasPrefix("#") }.map { line in
                let title = line.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
                return String(title.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil })
            })
    }
}
