import AV
import Logging
import NIOCore
import Synchronization
import Testing

@testable import Server

@Suite struct LibavLogTests {
    @Test(arguments: [
        ("plain words", "plain words"),
        ("[rtsp @ 0x1] rtsp://admin:p@ss/w?rd@10.0.0.1/a failed", "[rtsp @ 0x1] rtsp://***@10.0.0.1/a failed"),
        ("Opening 'https://cdn.example/a.m3u8?token=abc' for reading", "Opening 'https://cdn.example/a.m3u8?***' for reading"),
        ("http://a/b and srt://c:d@e:1?passphrase=f", "http://a/b and srt://***@e:1?***"),
        ("ends with ://", "ends with ://"),
    ])
    func urlsGiveNothingAway(text: String, expected: String) {
        #expect(LibavLog.redacted(text) == expected)
    }

    @Test func aFloodIsCutOffAndCounted() {
        let lines = Lines()
        let log = LibavLog(Logger(label: "test") { _ in Collector(lines: lines) })
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        for _ in 0..<100 { log.received(.error, "partial file", now: start) }
        #expect(lines.all.count == LibavLog.most)
        log.received(.error, "another", now: start + LibavLog.window)
        #expect(lines.all.count == LibavLog.most + 1)
        #expect(lines.all.last?["suppressed"] == "90")
        log.received(.error, "and one more", now: start + LibavLog.window)
        #expect(lines.all.last?["suppressed"] == nil)
    }
}

private final class Lines: Sendable {
    private let kept = Mutex<[[String: String]]>([])
    var all: [[String: String]] { self.kept.withLock { $0 } }
    func add(_ line: [String: String]) { self.kept.withLock { $0.append(line) } }
}

private struct Collector: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
    init(lines: Lines) { self.lines = lines }
    func log(event: LogEvent) {
        self.lines.add((event.metadata ?? [:]).mapValues { "\($0)" })
    }
}
