import BroadcastSupport
import Broadcasts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import API

/// `POST /vods/create` as far as it can be told without media; `EndToEndTests` uploads films.
@Suite(.againstHanging) struct VodUploadTests {
    private static let type = "multipart/form-data; boundary=b"

    private static func form(_ file: String, metadata: String? = nil) -> String {
        var form = ""
        if let metadata { form += "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n\(metadata)\r\n" }
        return form + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n\(file)\r\n--b--\r\n"
    }

    private static func files(of stage: RESTStage) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: stage.directory.appendingPathComponent("streams").path).filter { $0 != ".uploads" }
    }

    private static func requireNothingIsLeft(_ stage: RESTStage) throws {
        #expect(try Self.files(of: stage) == [])
        #expect(try stage.service.countVods() == 0)
    }

    @Test(arguments: ["", "film", "film.mkv", "film.MP4", "film.mp4.exe", "film.mp4/", "mp4"])
    func aNameOfAnotherKindIsRefused(name: String) async throws {
        let stage = try await RESTStage()
        let escaped = try #require(name.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let reply = try await stage.send(.post, "/v2/vods/create?name=\(escaped)", body: Self.form("x"), contentType: Self.type)
        #expect(reply.status == .ok)
        #expect(reply.body == result(false, "notSupportedFileType", dataID: nil))
        try Self.requireNothingIsLeft(stage)
    }

    @Test func aNameThatBreaksLinesIsRefused() async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(.post, "/v2/vods/create?name=a%0ab.mp4", body: Self.form("x"), contentType: Self.type)
        #expect(reply.body == result(false, "name is not valid.", dataID: nil))
        try Self.requireNothingIsLeft(stage)
    }

    @Test(arguments: ["application/json", "multipart/mixed; boundary=b", "multipart/form-data", "multipart/form-data; boundary=\"b\r\""])
    func whatIsNoFormIsRefused(type: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: type)
        #expect(reply.status == .unsupportedMediaType)
        #expect(try reply.object()["success"] as? Bool == false)
        try Self.requireNothingIsLeft(stage)
    }

    @Test(arguments: [
        ("", "The form ends before its last boundary."),
        ("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nxyz", "The form ends before its last boundary."),
        ("--b--", "The form has no part \\\"file\\\"."),
        ("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--", "The form has no part \\\"file\\\"."),
        (
            "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ny\r\n--b--",
            "The form has two parts \\\"file\\\"."
        ),
        ("--b\r\nnothing\r\n\r\nx\r\n--b--", "The head of a part of the form is not valid."),
        ("--bb\r\n", "A boundary of the form is not valid."),
    ])
    func aBrokenFormIsRefusedAndNothingIsLeft(body: String, message: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: body, contentType: Self.type)
        #expect(reply.status == .badRequest)
        #expect(reply.body == result(false, message))
        try Self.requireNothingIsLeft(stage)
    }

    @Test(arguments: ["film.mp4", "film.webm", "film.mov", "film.avi", "film.mp3", "film.wmv"])
    func whatIsNoMediaIsRefusedAndRemoved(name: String) async throws {
        let stage = try await RESTStage()
        for content in ["no film at all", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "ffconcat version 1.0\nfile '/etc/hostname'\n", ""] {
            let reply = try await stage.send(.post, "/v2/vods/create?name=\(name)", body: Self.form(content), contentType: Self.type)
            #expect(reply.status == .ok)
            let message = try #require(try reply.object()["message"] as? String)
            #expect(message.hasPrefix("The file cannot be read as what its name says"), "\(message)")
            #expect(try reply.object()["success"] as? Bool == false)
        }
        try Self.requireNothingIsLeft(stage)
    }

    @Test func aFileOverTheLimitIsRefusedWhateverItsLengthIsSaidToBe() async throws {
        let stage = try await RESTStage { $0.library.maxUploadBytes = 1_000 }
        let large = Self.form(String(repeating: "x", count: 1_001))
        let reply = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: large, contentType: Self.type)
        #expect(reply.status == .contentTooLarge)
        #expect(reply.body == result(false, "The file is larger than 1000 bytes.", dataID: nil))
        let declared = try await stage.send(
            .post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: Self.type, fields: ["Content-Length": "1050000"])
        #expect(declared.status == .contentTooLarge)
        let fits = try await stage.send(
            .post, "/v2/vods/create?name=film.mp4", body: Self.form(String(repeating: "x", count: 1_000)), contentType: Self.type)
        #expect(fits.status == .ok, "it is only no media")
        try Self.requireNothingIsLeft(stage)
    }

    @Test func metadataIsBounded() async throws {
        let stage = try await RESTStage()
        let long = Self.form("x", metadata: String(repeating: "m", count: (64 << 10) + 1))
        let reply = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: long, contentType: Self.type)
        #expect(reply.status == .badRequest)
        #expect(reply.body == result(false, "The metadata is longer than 65536 bytes."))
        try Self.requireNothingIsLeft(stage)
    }

    @Test func aDiskWithoutRoomTakesNothing() async throws {
        let stage = try await RESTStage { $0.library.minimumFreeBytes = .max / 2 }
        let reply = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: Self.type)
        #expect(reply.status == .ok)
        #expect(
            reply.body == result(false, "Not enough system resources available to upload and process VoD File", dataID: nil, errorID: -3))
        try Self.requireNothingIsLeft(stage)
    }

    @Test func onlySoManyUploadsAreTakenAtATime() async throws {
        let stage = try await RESTStage { $0.library.uploads = 1 }
        let (body, source) = RequestBody.makeStream()
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "h", path: "/v2/vods/create?name=film.mp4", headerFields: [.contentType: Self.type])
        async let first = stage.send(head, body)
        await source.yield(ByteBuffer(string: "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx"))
        try await eventually("it is there") { try Self.files(of: stage).count == 1 }
        let second = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: Self.type)
        #expect(second.body.contains("Not enough system resources"))
        // The first one's client goes away.
        source.finish()
        #expect(try await first.status == .badRequest)
        try Self.requireNothingIsLeft(stage)
        let third = try await stage.send(.post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: Self.type)
        #expect(third.body.contains("cannot be read"))
    }

    /// A clock that is looked at before and after each wait for the client: so many seconds go by in between, and while it is waited for.
    private final class Watch: Sendable {
        private let ours: UInt64
        private let theirs: UInt64
        private let state = Mutex((looks: 0, seconds: UInt64(1_000)))

        init(ours: UInt64, theirs: UInt64) {
            self.ours = ours
            self.theirs = theirs
        }

        var now: NIODeadline {
            self.state.withLock { state in
                state.seconds += state.looks.isMultiple(of: 2) ? self.ours : self.theirs
                state.looks += 1
                return .uptimeNanoseconds(state.seconds * 1_000_000_000)
            }
        }
    }

    @Test(arguments: [(70, 0, true), (0, 70, false)] as [(UInt64, UInt64, Bool)])
    func aSlowClientIsGivenUpAndNotOneWhoWaitsForOurDisk(ours: UInt64, theirs: UInt64, isTaken: Bool) async throws {
        let stage = try await RESTStage()
        let upload = try await stage.service.library.beginUpload(name: "film.mp4", declaredBytes: nil)
        let watch = Watch(ours: ours, theirs: theirs)
        let (body, source) = RequestBody.makeStream()
        var form = FormBody(body, now: { watch.now })
        let parser = try MultipartParser(boundary: "b")
        let text = Self.form("xyz")
        await source.yield(ByteBuffer(string: String(text.prefix(20))))
        await source.yield(ByteBuffer(string: String(text.dropFirst(20))))
        if isTaken { source.finish() }
        do throws(APIFault) {
            _ = try await form.receive(into: upload, parser)
            #expect(isTaken)
        } catch {
            guard case .tooSlow = error else { throw error }
            #expect(!isTaken)
            // The body has not ended, and is not waited for.
            await form.drain(within: .seconds(3_600))
        }
        if !isTaken { source.finish() }
        await upload.discard()
        try Self.requireNothingIsLeft(stage)
    }

    @Test(.againstHanging) func aRefusedBodyIsReadOnForAWhileOnly() async throws {
        let watch = Watch(ours: 2, theirs: 2)
        let (body, source) = RequestBody.makeStream()
        var form = FormBody(body, now: { watch.now })
        // Never finished: who reads more than there is would wait for ever.
        for _ in 0..<4 { await source.yield(ByteBuffer(string: "x")) }
        await form.drain(within: .seconds(6))
        source.finish()
    }

    @Test func uploadsAreForThoseWhoMayCall() async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(
            .post, "/v2/vods/create?name=film.mp4", body: Self.form("x"), contentType: Self.type, from: "192.0.2.1")
        #expect(reply.status.code == 403)
        try Self.requireNothingIsLeft(stage)
    }
}
