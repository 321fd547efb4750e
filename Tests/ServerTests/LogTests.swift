import Foundation
import Logging
import TestSupport
import Testing

@testable import Server

@Suite struct LogLineTests {
    private func line(
        _ message: String, _ metadata: Logger.Metadata = [:], format: Settings.Log.Format = .text, level: Logger.Level = .info,
        handler: Logger.Metadata = [:]
    ) -> String {
        var log = MartletLogHandler(label: "test", format: format, level: .trace, output: LogOutput(descriptor: -1))
        log.metadata = handler
        let event = LogEvent(
            level: level, message: "\(message)", metadata: metadata, source: nil, file: #fileID, function: #function, line: #line)
        return log.line(event, timestamp: "T")
    }

    @Test func aTextLineHasLevelMessageAndSortedMetadata() {
        #expect(
            self.line("Publisher connected", ["stream": "demo", "peer": "192.0.2.1:5"]) == "T info  Publisher connected peer=192.0.2.1:5 stream=demo")
        #expect(self.line("Odd", level: .warning) == "T warning Odd")
    }

    @Test func theMessagesOwnMetadataWins() {
        #expect(self.line("M", ["a": "own"], handler: ["a": "handler", "b": "kept"]) == "T info  M a=own b=kept")
    }

    @Test func valuesWithBlanksAreQuoted() {
        #expect(
            self.line("M", ["a": "two words", "b": "", "c": "x=\"y\"", "d": "back\\slash"])
                == #"T info  M a="two words" b="" c="x=\"y\"" d="back\\slash""#)
    }

    /// A stream name with a line break must not be able to write a line of its own.
    @Test(arguments: [Settings.Log.Format.text, .json]) func nobodyForgesALogLine(format: Settings.Log.Format) {
        let evil = "x\n2026-01-01 critical forged\r\u{1B}[31m\u{0}\u{85}\u{2028}\u{202E}\u{7F}"
        let line = self.line("M \(evil)", ["stream": "\(evil)", "k\n": "v"], format: format)
        for scalar in line.unicodeScalars { #expect(!LogText.isUnsafe(scalar), "U+\(String(scalar.value, radix: 16))") }
        #expect(line.contains("\\n2026"))
        #expect(line.contains("\\u001b[31m"))
    }

    @Test func aLongValueIsCut() {
        let line = self.line("M", ["a": "\(String(repeating: "x", count: 100_000))", "b": "é"])
        #expect(line.utf8.count < 600)
        #expect(line.hasSuffix("… b=é"))
        #expect(self.line(String(repeating: "m", count: 100_000)).utf8.count < 4200)
    }

    @Test func aThousandValuesAreCutToThirtyTwo() {
        let metadata = Logger.Metadata(uniqueKeysWithValues: (0..<1000).map { ("key\($0)", "v") })
        #expect(self.line("M", metadata).split(separator: "=").count == 33)
    }

    @Test func aJSONLineIsOneObject() throws {
        let line = self.line(
            "He said \"no\"\n", ["stream": "dé\u{1}mo", "level": "fake", "n": ["1", "2"]], format: .json, level: .error)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(
            object == [
                "timestamp": "T", "level": "error", "message": "He said \"no\"\n", "logger": "test", "stream": "dé\u{1}mo", "metadata.level": "fake",
                "n": #"["1", "2"]"#,
            ])
    }

    @Test func timestampsAreUTCWithMilliseconds() {
        #expect(LogTimestamp.text(seconds: 0, milliseconds: 7) == "1970-01-01T00:00:00.007Z")
        #expect(LogTimestamp.text(seconds: 1_709_210_096, milliseconds: 42) == "2024-02-29T12:34:56.042Z")
        #expect(LogTimestamp.text(seconds: 951_782_399, milliseconds: 999) == "2000-02-28T23:59:59.999Z")
    }
}

@Suite struct LogOutputTests {
    @Test func linesOfManyThreadsArriveWholeAndInOrder() throws {
        let file = try TemporaryFile("")
        let handle = try #require(FileHandle(forWritingAtPath: file.path))
        let output = LogOutput(descriptor: handle.fileDescriptor)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<500 { output.write("thread \(thread) line \(number)") { _ in "lost" } }
        }
        output.flush()
        try handle.close()
        var next = [Int](repeating: 0, count: 8)
        for line in try String(contentsOfFile: file.path, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            let thread = try #require(words.count == 4 ? Int(words[1]) : nil)
            #expect(Int(words[3]) == next[thread])
            next[thread] += 1
        }
        #expect(next == [Int](repeating: 500, count: 8))
    }

    /// The pipe holds 64 KiB and nobody reads it until everything has been logged: a write that waited would never return.
    @Test(.againstHanging) func aStalledReaderOfTheLogHoldsUpNobodyAndLearnsWhatWasLost() throws {
        let pipe = Pipe()
        let output = LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor, capacity: 10_000)
        let line = String(repeating: "x", count: 99)
        let count = 5000
        for _ in 0..<count { output.write(line) { "lost \($0)" } }
        var text = ""
        var last = 0
        while !text.contains("last") {
            text += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            // Whether the line fits depends on how far the queue has come; a lost one is counted like the others.
            output.write("last") { "lost \($0)" }
            last += 1
        }
        output.flush()
        try pipe.fileHandleForWriting.close()
        text += String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let lost = lines.filter { $0.hasPrefix("lost ") }.compactMap { Int($0.dropFirst(5)) }.reduce(0, +)
        #expect(lost > 0)
        #expect(lines.count { $0 == line || $0 == "last" } + lost == count + last)
    }

    @Test func aClosedLogIsNoReasonToFail() throws {
        let output = LogOutput(descriptor: -1)
        output.write("nobody reads this") { _ in "lost" }
        output.flush()
    }
}
