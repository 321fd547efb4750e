import Glibc
import Logging
import Media
import NIOCore
import NIOPosix
import Streams
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct SegmentsShelfTests {
    @Test func olderSegmentsOfTheWindowAreOnDiskAndTheSameBytes() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 6)
            let early = try await fixture.playlist("demo.m3u8").segments[0].uri
            guard case .now(.segment(.memory(let original)))? = fixture.ask(early) else {
                Issue.record("not in memory")
                return
            }
            try await fixture.stream([publisher], from: 6, to: 21)
            guard case .now(.segment(.file(let path, _, let length)))? = fixture.ask(early) else {
                Issue.record("not on disk")
                return
            }
            #expect(length == original.readableBytes)
            #expect(try contents(path) == Array(buffer: original))
            publisher.end(.finished)
        }
    }

    @Test func aStreamOf2500KilobitsStaysWithinItsMemory() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8")
            for second in stride(from: 0, to: 90, by: 3) {
                SegmentsFixture.send(publisher, from: second, to: second + 3, bytesPerSecond: 312_500)
                try await fixture.settle()
                #expect(fixture.hls.usage().memoryBytes <= 2 << 20)
            }
            #expect(try await fixture.playlist("demo.m3u8").segments.count == 15)
            publisher.end(.finished)
        }
    }

    @Test func aSegmentStaysAsLongAsThePlaylistThatListedItAndThenGoes() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            _ = fixture.ask("demo.m3u8")
            try await fixture.stream([publisher], from: 0, to: 60)
            let playlist = try await fixture.playlist("demo.m3u8", at: 1)
            #expect(playlist.segments.count == 15)
            #expect(playlist.mediaSequence > 5)
            let prefix = playlist.segments[0].uri.split(separator: "-").dropLast().joined(separator: "-")
            for number in 0..<playlist.mediaSequence {
                guard case .now(.segment)? = fixture.ask("\(prefix)-\(number).m4s", at: 1) else {
                    Issue.record("\(number) has gone too early")
                    continue
                }
            }
            // Still there a second before target × (list size + 1) are over, gone some time after.
            try await fixture.tick(at: 30)
            guard case .now(.segment)? = fixture.ask("\(prefix)-0.m4s", at: 30) else {
                Issue.record("gone too early")
                return
            }
            try await fixture.tick(at: 50)
            guard case .now(.notFound)? = fixture.ask("\(prefix)-0.m4s", at: 50) else {
                Issue.record("still there")
                return
            }
            #expect(try fixture.files().count <= 15)
            for segment in playlist.segments {
                guard case .now(.segment)? = fixture.ask(segment.uri, at: 50) else {
                    Issue.record("a listed segment is gone: \(segment.uri)")
                    continue
                }
            }
            publisher.end(.finished)
        }
    }

    @Test func aDiskThatTakesNothingCostsOldSegmentsNotMemory() async throws {
        let parent = "/tmp/martlet-shelf-\(UInt64.random(in: 0 ... .max))"
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        // No such parent: every write fails.
        let shelf = SegmentShelf(
            directory: SessionDirectory(parent: parent, session: "x"), limits: .init(segments: 2, bytes: 1 << 20), pool: pool,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let bytes = ByteBuffer(repeating: 1, count: 1 << 20)
        for number in 0..<100 {
            shelf.add(segment: bytes, number: UInt64(number))
            try await pool.runIfActive {}
        }
        #expect(shelf.memoryBytes <= 32 << 20)
        #expect(shelf.lost >= 60)
        #expect(shelf.segment(0) == nil)
        guard case .memory? = shelf.segment(99) else {
            Issue.record("the newest is gone")
            return
        }
        try await pool.shutdownGracefully()
    }

    /// What many ask for over connections that send files is put on the disk early; everybody else goes on getting it from memory.
    @Test func aSegmentThatManyWantAsAFileBecomesOne() async throws {
        let parent = "/tmp/martlet-shelf-\(UInt64.random(in: 0 ... .max))"
        try SessionDirectory.sweep(parent: parent)
        defer { rmdir(parent) }
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let shelf = SegmentShelf(
            directory: SessionDirectory(parent: parent, session: "x"), limits: .init(segments: 2, bytes: 4 << 20), pool: pool,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let (long, short) = (ByteBuffer(repeating: 1, count: 300 << 10), ByteBuffer(repeating: 2, count: 10 << 10))
        shelf.add(segment: long, number: 1)
        shelf.add(segment: short, number: 2)
        for _ in 0..<20 {
            guard case .memory? = shelf.segment(1), case .memory? = shelf.segment(2, wantsFile: true) else {
                Issue.record("written though nobody wished for it, or though it is short")
                return
            }
        }
        for _ in 0..<10 { _ = shelf.segment(1, wantsFile: true) }
        try await pool.runIfActive {}
        guard case .file(let path, 0, let length)? = shelf.segment(1, wantsFile: true), case .memory? = shelf.segment(1) else {
            Issue.record("no file, or nothing but a file")
            return
        }
        #expect(length == long.readableBytes)
        #expect(try contents(path) == Array(buffer: long))
        #expect(shelf.memoryBytes == long.readableBytes + short.readableBytes)
        // It leaves memory like any other, without being written again, and the folder goes with the session.
        for number in 3..<20 { shelf.add(segment: long, number: UInt64(number)) }
        try await pool.runIfActive {}
        guard case .file? = shelf.segment(1) else {
            Issue.record("still in memory")
            return
        }
        #expect(shelf.memoryBytes <= 4 << 20)
        shelf.removeAll()
        try await pool.runIfActive {}
        #expect(try SegmentsFixture.names(parent) == [])
        try await pool.shutdownGracefully()
    }

    @Test func aWriteThatComesAfterTheEndDoesNotReviveTheFolder() throws {
        let parent = "/tmp/martlet-shelf-\(UInt64.random(in: 0 ... .max))"
        try SessionDirectory.sweep(parent: parent)
        defer { rmdir(parent) }
        let directory = SessionDirectory(parent: parent, session: "x")
        #expect(try directory.write(ByteBuffer(string: "1"), number: 1))
        directory.removeAll()
        #expect(try !directory.write(ByteBuffer(string: "2"), number: 2))
        #expect(try SegmentsFixture.names(parent) == [])
    }

    @Test func sweepingRemovesWhatEarlierProcessesLeftAndNothingElse() throws {
        let parent = "/tmp/martlet-sweep-\(UInt64.random(in: 0 ... .max))/a/b"
        try SessionDirectory.sweep(parent: parent)
        let left = SessionDirectory(parent: parent, session: "old")
        #expect(try left.write(ByteBuffer(string: "1"), number: 1))
        mkdir(parent + "/precious", 0o700)
        close(open(parent + "/precious/1.m4s", O_CREAT | O_WRONLY, 0o600))
        try SessionDirectory.sweep(parent: parent)
        #expect(try SegmentsFixture.names(parent) == ["precious"])
        #expect(try SegmentsFixture.names(parent + "/precious") == ["1.m4s"])
        unlink(parent + "/precious/1.m4s")
        for path in ["/precious", "", "/..", "/../.."] { rmdir(parent + path) }
    }

    @Test func aDirectoryThatCannotBeMadeIsReported() {
        #expect(throws: SessionDirectory.Failure.self) { try SessionDirectory.sweep(parent: "/proc/martlet") }
    }
}

private func contents(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
}
