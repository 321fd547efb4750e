import Foundation
import Testing

@testable import AV

@Suite(.serialized) struct AVLogTests {
    @Test func whatFFmpegSaysGoesToTheHandlerOnly() throws {
        let clips = try Clips()
        let path = clips.path("broken.mp4")
        try Data("....ftypisom".utf8).write(to: URL(fileURLWithPath: path))
        let said = Shared<[String]>([])
        AVLog.setHandler({ level, text in said.change { $0.append("\(level) \(text)") } }, level: .error)
        #expect(throws: AVFailure.self) { _ = try Demuxer(path: path, format: "mp4") }
        AVLog.setHandler(nil)
        #expect(said.value.contains { $0.contains("error reading header") })
        let before = said.value.count
        #expect(throws: AVFailure.self) { _ = try Demuxer(path: path, format: "mp4") }
        #expect(said.value.count == before)
    }
}

@Suite struct LogRedactionTests {
    @Test(arguments: [
        ("Opening 'rtsp://admin:s3cret@10.0.0.5:554/a?x=1' for reading", "Opening 'rtsp://***@10.0.0.5:554/a?x=1' for reading"),
        ("http://u:p@w@host/a and rtmp://k@h", "http://***@host/a and rtmp://***@h"),
        ("http://host/a@b", "http://host/a@b"),
        ("mail me@example.org", "mail me@example.org"),
        ("://", "://"),
        ("@://@", "@://***@"),
    ])
    func credentialsInURLsAreNotPassedOn(text: String, expected: String) {
        #expect(AVLog.withoutCredentials(text) == expected)
    }
}

@Suite struct FileTests {
    @Test func anExclusiveFileIsNotReplaced() throws {
        let clips = try Clips()
        let path = clips.path("file")
        _ = try FileSink(path: path, creation: .exclusive)
        #expect(throws: AVFailure.self) { _ = try FileSink(path: path, creation: .exclusive) }
        _ = try FileSink(path: path, creation: .replacing)
    }

    @Test func writesLandWhereTheyWereAimed() throws {
        let clips = try Clips()
        let path = clips.path("file")
        let sink = try FileSink(path: path, creation: .exclusive)
        try sink.write(text: "hello world")
        try sink.seek(to: 6)
        try sink.write(text: "there")
        try sink.synchronise()
        #expect(sink.position == 11)
        #expect(sink.length == 11)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "hello there")
        #expect(throws: AVFailure.self) { try sink.seek(to: -1) }
    }

    @Test func aFullDeviceIsNoSpace() throws {
        let sink = try FileSink(path: "/dev/full", creation: .replacing)
        let failure = try #require(throws: AVFailure.self) { try sink.write(text: "0123456789") }
        #expect(failure.cause == .noSpace)
    }

    @Test func aTakenNameIsLeftAlone() throws {
        let clips = try Clips()
        let (one, two) = (clips.path("one"), clips.path("two"))
        try Data("1".utf8).write(to: URL(fileURLWithPath: one))
        try Data("2".utf8).write(to: URL(fileURLWithPath: two))
        #expect(try FileMove.keepingOthers(from: one, to: two) == .nameIsTaken)
        #expect(try String(contentsOfFile: two, encoding: .utf8) == "2")
        #expect(try FileMove.keepingOthers(from: one, to: clips.path("three")) == .moved)
        #expect(!FileManager.default.fileExists(atPath: one))
        #expect(throws: AVFailure.self) { _ = try FileMove.keepingOthers(from: one, to: clips.path("four")) }
    }
}

extension ByteSink {
    /// By way of a Result: the compiler (6.3.1) fails on a closure with typed throws handed to `withUnsafeBytes`.
    func write(text: String) throws(AVFailure) {
        let result = Array(text.utf8).withUnsafeBytes { bytes in Result { () throws(AVFailure) in try self.write(bytes) } }
        try result.get()
    }
}
