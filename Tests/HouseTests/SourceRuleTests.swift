import Testing

@Suite struct SourceRuleTests {
    private static let lineLimit = 600

    @Test(arguments: ["Sources", "Tests"]) func noFileIsLongerThanSixHundredLines(folder: String) throws {
        for file in try House.files(in: folder, ending: ".swift") {
            #expect(file.lines.count <= Self.lineLimit, "\(file.path) has \(file.lines.count) lines")
        }
    }

    /// A server must not be stopped by what one peer sends. Whoever needs one of these proves here that it cannot be reached.
    private static let provenTraps: [(path: String, what: String, proof: String)] = []

    @Test func nothingEndsTheProcess() throws {
        let traps = [
            SourceScan.Rule(what: "fatalError", needles: ["fatalError"], pattern: #/\bfatalError\(/#),
            SourceScan.Rule(what: "preconditionFailure", needles: ["preconditionFailure"], pattern: #/\bpreconditionFailure\(/#),
            SourceScan.Rule(what: "try!", needles: ["try!"], pattern: #/\btry!/#),
            SourceScan.Rule(what: "as!", needles: ["as!"], pattern: #/\bas!/#),
        ]
        for file in try House.files(in: "Sources", ending: ".swift") {
            for trap in traps {
                let isProven = Self.provenTraps.contains { $0.path == file.path && $0.what == trap.what }
                for line in trap.matches(in: file) where !isProven { Issue.record("\(file.path):\(line) has \(trap.what)") }
            }
        }
    }

    @Test func everyProvenTrapIsStillThere() throws {
        for trap in Self.provenTraps {
            #expect(try House.file(trap.path).text.contains(trap.what), "\(trap.path) has no \(trap.what)")
            #expect(!trap.proof.isEmpty)
        }
    }

    /// What the compiler cannot check is explained where it is claimed: on the line, or in the comment right above the declaration.
    @Test func everyUncheckedClaimHasItsProof() throws {
        let claim = SourceScan.Rule(
            what: "an unchecked claim", needles: ["@unchecked", "nonisolated(unsafe)", "assumeIsolated"],
            pattern: #/@unchecked\s+Sendable|nonisolated\(unsafe\)|\bassumeIsolated\b/#)
        for file in try House.files(in: "Sources", ending: ".swift") {
            for number in claim.matches(in: file) {
                let hasProof = file.lines[max(0, number - 5)..<number].contains { $0.contains("//") }
                #expect(hasProof, "\(file.path):\(number) claims without a proof")
            }
        }
    }

    /// Each access to a function in a generic box wraps it once more, so that it grows with its use until a call of it overflows the stack.
    @Test func noFunctionStandsInAGenericBoxByItself() throws {
        let box = SourceScan.Rule(
            what: "a function in a box", needles: ["Mutex<(", "Box<(", "LoopBound<("],
            pattern: #/(?:Mutex|Box|LoopBound)<\((?:@\w+\s+)*\([^()]*\)\s*(?:async\s+)?(?:throws(?:\(\w+\))?\s+)?->/#)
        for file in try House.files(in: "Sources", ending: ".swift") {
            for line in box.matches(in: file) { Issue.record("\(file.path):\(line) has \(box.what)") }
        }
    }

    /// Tests that block a thread because blocking is what they are about.
    private static let blocksOnPurpose = ["Tests/AVTests/BlockingExecutorTests.swift"]

    @Test func noTestIsSkippedOrSleeps() throws {
        let forbidden = [
            SourceScan.Rule(
                what: "a sleep", needles: ["sleep"], pattern: #/\b(?:Task|Thread)\.sleep\b|\b(?:usleep|nanosleep)\(|(?:^|\W)sleep\(/#),
            SourceScan.Rule(what: "a test that is not run", needles: ["disabled", "XCTSkip"], pattern: #/\.disabled\(|XCTSkip/#),
        ]
        for file in try House.files(in: "Tests", ending: ".swift") where !file.path.hasSuffix("/SourceRuleTests.swift") {
            for rule in forbidden where !Self.blocksOnPurpose.contains(file.path) {
                for line in rule.matches(in: file) { Issue.record("\(file.path):\(line) has \(rule.what)") }
            }
        }
    }

    @Test func noWorkIsLeftForLater() throws {
        // Also in comments, so the whole text is looked at.
        let note = #/\b(?:TODO|FIXME|XXX|HACK)\b/#
        for folder in ["Sources", "Tests", "scripts", "config", "migrations"] {
            for file in try House.files(in: folder) where file.isText && !file.path.hasPrefix("Tests/HouseTests/") {
                guard ["TODO", "FIXME", "XXX", "HACK"].contains(where: { file.mentions($0) }) else { continue }
                #expect(file.text.firstMatch(of: note) == nil, "\(file.path) leaves work for later")
            }
        }
    }
}
