import NIOCore
import TestSupport
import Testing

@testable import HTTP

/// Forms as browsers and curl send them, and as nobody should.
@Suite(.againstHanging) struct MultipartTests {
    /// What a form held.
    struct Part: Equatable {
        var name: String?
        var fileName: String?
        var bytes: [UInt8] = []
        var isWhole = false
    }

    struct Reading: Equatable {
        var parts: [Part] = []
        var hasEnded = false
        var failure: MultipartParser.Failure?
    }

    static func read(_ pieces: some Sequence<[UInt8]>, boundary: String = "b", limits: MultipartParser.Limits = .init()) -> Reading {
        var reading = Reading()
        do throws(MultipartParser.Failure) {
            var parser = try MultipartParser(boundary: boundary, limits: limits)
            for piece in pieces {
                parser.append(ByteBuffer(bytes: piece))
                while let event = try parser.next() {
                    switch event {
                    case .partBegan(let head): reading.parts.append(Part(name: head.name, fileName: head.fileName))
                    case .bytes(let bytes): reading.parts[reading.parts.count - 1].bytes += bytes.readableBytesView
                    case .partEnded: reading.parts[reading.parts.count - 1].isWhole = true
                    case .ended: reading.hasEnded = true
                    }
                }
            }
            try parser.finish()
        } catch {
            reading.failure = error
        }
        return reading
    }

    static func read(_ text: String, boundary: String = "b", limits: MultipartParser.Limits = .init()) -> Reading {
        self.read([Array(text.utf8)], boundary: boundary, limits: limits)
    }

    static let form =
        "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":1}\r\n--b  \r\n"
        + "content-disposition: form-data; filename=\"my \\\"film\\\".mp4\"; name=file\r\nContent-Type: video/mp4\r\n\r\n"
        + "\r\n--\r\n--a\r\r\n-\r\n--\r\n\r\n--b\r\n\r\n--b--\r\nepilogue"
    static let wanted = [
        Part(name: "metadata", bytes: Array("{\"a\":1}".utf8), isWhole: true),
        Part(name: "file", fileName: "my \"film\".mp4", bytes: Array("\r\n--\r\n--a\r\r\n-\r\n--\r\n".utf8), isWhole: true),
        Part(isWhole: true),
    ]

    @Test(arguments: [1, 2, 3, 5, 7, 11, 64, 1000]) func anySplitGivesTheSameParts(size: Int) {
        let bytes = Array(Self.form.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
        #expect(Self.read(pieces) == Reading(parts: Self.wanted, hasEnded: true))
    }

    @Test func aBoundaryMayBeSplitAnywhere() {
        let bytes = Array(Self.form.utf8)
        for cut in 0...bytes.count {
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == Reading(parts: Self.wanted, hasEnded: true), "cut at \(cut)")
        }
    }

    @Test func everyTruncatedPrefixIsCutShortUpToTheLastBoundary() throws {
        let bytes = Array(Self.form.utf8)
        let end = bytes.count - "\r\nepilogue".utf8.count
        for length in 0..<bytes.count {
            #expect(Self.read([Array(bytes[..<length])]).failure == (length < end ? .cutShort : nil), "\(length) bytes")
        }
    }

    @Test func binaryBytesComeThroughAsTheyAre() {
        var random = SystemRandomNumberGenerator()
        // Carriage returns, hyphens and the boundary's letter more often than chance has them.
        let body = (0..<50_000).map { _ in [13, 10, 45, 45, 98, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0 }
        // A line that begins with the boundary would be one.
        let clean = body.indices.map { index in
            index >= 4 && body[index] == 98 && Array(body[index - 4..<index]) == [13, 10, 45, 45] ? UInt8(ascii: "c") : body[index]
        }
        let bytes = Array("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx".utf8) + clean + Array("\r\n--b--".utf8)
        for size in [1, 17, 4096, bytes.count] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
            #expect(Self.read(pieces).parts == [Part(name: "file", bytes: [UInt8(ascii: "x")] + clean, isWhole: true)])
        }
    }

    @Test func noMoreIsKeptThanABoundaryNeeds() throws {
        var parser = try MultipartParser(boundary: String(repeating: "b", count: 70))
        parser.append(ByteBuffer(string: "--" + String(repeating: "b", count: 70) + "\r\n\r\n\r\n"))
        let head = try #require(MultipartHead([UInt8](), mostFields: 1))
        #expect(try parser.next() == .partBegan(head))
        for _ in 0..<100 {
            parser.append(ByteBuffer(repeating: 13, count: 10_000))
            while try parser.next() != nil {}
            #expect(parser.keptBytes < 80)
        }
    }

    @Test(arguments: [
        ("no boundary at all", MultipartParser.Failure.cutShort),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--c--", .cutShort),
        ("--b\r\n\r\nx\r\n--b", .cutShort),
        ("--b\r\n\r\nx\r\n--b-", .cutShort),
        ("--bx\r\n\r\n", .boundaryMalformed),
        ("--b\r\n\r\nx\r\n--b-x", .boundaryMalformed),
        ("--b\n\nx\n--b--", .boundaryMalformed),
        ("--b\r\nno field\r\n\r\nx", .headMalformed),
        ("--b\r\n: x\r\n\r\nx", .headMalformed),
        ("--b\r\nA: x\r\n folded\r\n\r\nx", .headMalformed),
        ("--b\r\nA: x\ny\r\n\r\nx", .headMalformed),
        ("--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx", .headMalformed),
        ("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx", .headMalformed),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx", .headMalformed),
        ("--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx", .headMalformed),
    ])
    func whatIsNoFormIsRefused(text: String, failure: MultipartParser.Failure) {
        #expect(Self.read(text).failure == failure)
    }

    @Test func everyLimitHolds() {
        let field = "X: " + String(repeating: "x", count: 9_000) + "\r\n"
        #expect(Self.read("--b\r\n\(field)\r\nx\r\n--b--").failure == .headTooLarge)
        // Nobody waits for its end.
        #expect(Self.read("--b\r\nX: " + String(repeating: "x", count: 9_000)).failure == .headTooLarge)
        #expect(Self.read("--b" + String(repeating: "\r\nX: x", count: 17) + "\r\n\r\nx\r\n--b--").failure == .headMalformed)
        #expect(Self.read("--b" + String(repeating: " ", count: 65) + "\r\n\r\nx\r\n--b--").failure == .boundaryMalformed)
        #expect(Self.read(String(repeating: "--b\r\n\r\n\r\n", count: 33) + "--b--").failure == .tooManyParts)
        #expect(Self.read(String(repeating: "--b\r\n\r\n\r\n", count: 32) + "--b--").failure == nil)
        #expect(Self.read(String(repeating: "x", count: 8_300)).failure == .tooMuchOutside)
        #expect(Self.read("--b--" + String(repeating: "x", count: 8_300)).failure == .tooMuchOutside)
    }

    @Test func theBoundaryIsTakenFromTheContentType() {
        #expect(MultipartParser.boundary(ofContentType: "multipart/form-data; boundary=----WebKitFormBoundaryx9") == "----WebKitFormBoundaryx9")
        #expect(MultipartParser.boundary(ofContentType: "Multipart/Form-Data ; charset=utf-8; Boundary=\"a b\"") == "a b")
        for field in [
            "", "multipart/mixed; boundary=a", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary a", "application/json",
        ] {
            #expect(MultipartParser.boundary(ofContentType: field) == nil, "\(field)")
        }
    }

    @Test(arguments: ["", String(repeating: "a", count: 71), "a ", "a\r\nb", "a\"b", "ä"]) func aBoundaryIsMadeOfFewCharacters(boundary: String) {
        #expect(throws: MultipartParser.Failure.boundaryInvalid) { try MultipartParser(boundary: boundary) }
    }
}
