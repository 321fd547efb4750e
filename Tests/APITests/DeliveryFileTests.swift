import Gateways
import Glibc
import HTTP
import NIOCore
import NIOHTTP1
import Testing

@testable import API

@Suite struct DeliveryFileTests {
    @Test(arguments: [
        "/live/streams/demo.mp4", "/LiveApp/streams/demo.mp4", "/live/streams/shows/late.mp4", "/live/streams/%64emo.mp4",
        "/live/streams/inside.mp4", "/live/streams/demo.mp4?token=x",
    ])
    func aRecordingIsFoundBelowTheAppAndItsAliases(target: String) async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask(target))
            #expect(response.status == 200)
            #expect(response.part == [0, 1000])
            #expect(response.header("Content-Type") == "video/mp4")
            #expect(response.header("Accept-Ranges") == "bytes")
            #expect(response.header("ETag")?.hasPrefix("\"") == true)
            #expect(response.header("Last-Modified")?.hasSuffix(" GMT") == true)
            #expect(response.header("Access-Control-Allow-Origin") == "*")
        }
    }

    static let nothing = [
        "/live/streams", "/live/streams/", "/live/streams/shows", "/live/streams/shows/", "/live/streams/none.mp4", "/live/streams/notes.txt",
        "/live/streams/half.mp4.tmp_extension", "/live/streams/half.mp4", "/live/streams/.hidden/a.mp4", "/live/streams/folder.mp4",
        "/live/streams/pipe.mp4", "/live/streams/escape.mp4", "/live/streams/folder/own.mp4", "/live/streams/../secret/own.mp4",
        "/live/streams/%2e%2e/secret/own.mp4", "/live/streams/%2E%2E%2Fsecret%2Fown.mp4", "/live/streams/..%2fsecret/own.mp4",
        "/live/streams/shows/../demo.mp4", "/live/streams/./demo.mp4", "/live/streams//demo.mp4", "/live/streams//etc/passwd",
        "/live/streams/%2Fetc%2Fpasswd.mp4", "/live/streams/demo.mp4%00.txt", "/live/streams/demo%00.mp4", "/live/streams/..\\secret\\own.mp4",
        "/live/streams/%5c..%5csecret.mp4", "/live/streams/demo.mp4%0d%0aSet-Cookie:x", "/live/streams/%", "/live/streams/%z1.mp4",
        "/live/streams/%ff%fe.mp4", "/live/streams/" + String(repeating: "a", count: 300) + ".mp4",
        "/live/streams/" + String(repeating: "a/", count: 600) + "b.mp4", "/live/streams/demo.m3u8", "/live/streams/demo-x-1.m4s",
        "/live/streams/demo_adaptive.m3u8", "/live/streams/%252e%252e/secret/own.mp4",
    ]

    @Test(arguments: nothing) func whatIsNotThereOrNotOursIs404AtOnce(target: String) async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask(target))
            #expect(response.status == 404)
            #expect(response.header("Access-Control-Allow-Origin") == "*")
        }
    }

    @Test(arguments: [
        "/", "/live", "/live/", "/other/streams/demo.mp4", "/live/rest/v2/broadcasts", "/v2/broadcasts", "/live/streamsx/a", "*",
        "/Live/streams/demo.mp4",
    ])
    func everythingElseIsTheRouters(target: String) async throws {
        try await DeliveryFixture.run { fixture in
            #expect(fixture.ask(target) == nil)
        }
    }

    struct RangeCase: Sendable {
        var field: String
        var status: Int
        var part: [Int64]?
        var contentRange: String?

        init(_ field: String, _ status: Int, _ part: [Int64]?, _ contentRange: String? = nil) {
            self.field = field
            self.status = status
            self.part = part
            self.contentRange = contentRange
        }
    }

    static let ranges: [RangeCase] = [
        RangeCase("bytes=0-0", 206, [0, 1], "bytes 0-0/1000"),
        RangeCase("bytes=100-199", 206, [100, 100], "bytes 100-199/1000"),
        RangeCase("bytes=990-", 206, [990, 10], "bytes 990-999/1000"),
        RangeCase("bytes=-10", 206, [990, 10], "bytes 990-999/1000"),
        RangeCase("bytes=-5000", 206, [0, 1000], "bytes 0-999/1000"),
        RangeCase("bytes=900-99999999999999999999999", 206, [900, 100], "bytes 900-999/1000"),
        RangeCase("bytes=1000-", 416, nil, "bytes */1000"),
        RangeCase("bytes=-0", 416, nil, "bytes */1000"),
        RangeCase("bytes=99999999999999999999999-", 416, nil, "bytes */1000"),
        RangeCase("bytes=5-4", 200, [0, 1000]),
        RangeCase("bytes=0-1,5-6", 200, [0, 1000]),
        RangeCase("bytes=", 200, [0, 1000]),
        RangeCase("bytes=-", 200, [0, 1000]),
        RangeCase("bytes=a-b", 200, [0, 1000]),
        RangeCase("lines=0-1", 200, [0, 1000]),
        RangeCase("bytes=+1-2", 200, [0, 1000]),
        RangeCase("bytes=--1", 200, [0, 1000]),
    ]

    @Test(arguments: ranges) func aRangeGivesAPart(range: RangeCase) async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask("/live/streams/demo.mp4", .get, ["Range": range.field]))
            #expect(response.status == range.status)
            #expect(response.part == range.part)
            #expect(response.header("Content-Range") == range.contentRange)
        }
    }

    /// Field notes, row 21. The file has a length and no bytes.
    @Test(arguments: [
        RangeCase("bytes=4294967300-4294967309", 206, [4_294_967_300, 10], "bytes 4294967300-4294967309/5368709120"),
        RangeCase("bytes=-10", 206, [5_368_709_110, 10], "bytes 5368709110-5368709119/5368709120"),
        RangeCase("bytes=4294967295-", 206, [4_294_967_295, 1_073_741_825], "bytes 4294967295-5368709119/5368709120"),
    ]) func aRangeBeyondFourGigabytesGivesThatPart(range: RangeCase) async throws {
        try await DeliveryFixture.run { fixture in
            let path = fixture.directory + "/streams/large.mp4"
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            try #require(truncate(path, 5 << 30) == 0)
            let response = try #require(fixture.ask("/live/streams/large.mp4", .get, ["Range": range.field]))
            #expect(response.status == range.status)
            #expect(response.part == range.part)
            #expect(response.header("Content-Range") == range.contentRange)
        }
    }

    @Test func conditionsAreHonoured() async throws {
        try await DeliveryFixture.run { fixture in
            let path = "/live/streams/demo.mp4"
            let first = try #require(fixture.ask(path))
            let tag = try #require(first.header("ETag"))
            let date = try #require(first.header("Last-Modified"))
            for field in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                #expect(fixture.ask(path, .get, ["If-None-Match": field])?.status == 304)
            }
            #expect(fixture.ask(path, .get, ["If-None-Match": "\"other\""])?.status == 200)
            #expect(fixture.ask(path, .get, ["If-Modified-Since": date])?.status == 304)
            #expect(fixture.ask(path, .get, ["If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"])?.status == 200)
            #expect(fixture.ask(path, .get, ["If-Modified-Since": "nonsense"])?.status == 200)
            #expect(fixture.ask(path, .get, ["If-None-Match": "\"other\"", "If-Modified-Since": date])?.status == 200)
            for (condition, status) in [(tag, 206), (date, 206), ("\"other\"", 200), ("W/\(tag)", 200), ("Thu, 01 Jan 1970 00:00:00 GMT", 200)] {
                #expect(fixture.ask(path, .get, ["Range": "bytes=0-9", "If-Range": condition])?.status == status)
            }
        }
    }

    @Test func aHeadRequestIgnoresTheRange() async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask("/live/streams/demo.mp4", .head, ["Range": "bytes=0-9"]))
            #expect(response.status == 200)
            #expect(response.body.length == 1000)
        }
    }

    @Test func otherMethodsAreRefusedAndOptionsIsAnsweredForAnyOrigin() async throws {
        try await DeliveryFixture.run { fixture in
            for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
                let response = try #require(fixture.ask("/live/streams/demo.mp4", .other(method)))
                #expect(response.status == 405)
                #expect(response.header("Allow") == "GET, HEAD, OPTIONS")
            }
            let preflight = try #require(fixture.ask("/live/streams/demo.m3u8", .options, ["Origin": "https://example.com"]))
            #expect(preflight.status == 204)
            #expect(preflight.header("Access-Control-Allow-Origin") == "*")
            #expect(preflight.header("Access-Control-Allow-Headers")?.contains("Range") == true)
        }
    }

    @Test func aChangedFileHasAnotherTagWhenItsLookUpIsOver() throws {
        let directory = "/tmp/martlet-files-\(UInt64.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        defer {
            unlink(directory + "/a.mp4")
            rmdir(directory)
        }
        try DeliveryFixture.write([1, 2, 3], to: directory + "/a.mp4")
        let files = MediaFiles(folder: .init(path: directory))
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        let first = try #require(files.find("a.mp4", now: now))
        try DeliveryFixture.write([1, 2, 3, 4], to: directory + "/a.mp4")
        #expect(files.find("a.mp4", now: now + .milliseconds(900)) == first)
        let second = try #require(files.find("a.mp4", now: now + .seconds(1)))
        #expect(second.size == 4)
        #expect(second.etag != first.etag)
    }

    @Test func anImportedDirectoryIsServedAndNothingBesideIt() async throws {
        try await DeliveryFixture.run { fixture in
            let host = fixture.directory + "/host"
            for folder in [host, host + "/films", host + "/films/old"] { mkdir(folder, 0o700) }
            for file in ["/films/a.mp4", "/films/old/b.avi", "/films/.hidden.mp4", "/films/notes.txt", "/beside.mp4"] {
                try DeliveryFixture.write(DeliveryFixture.content, to: host + file)
            }
            symlink(host + "/films", fixture.directory + "/streams/films")
            symlink("../beside.mp4", host + "/films/out.mp4")
            symlink("..", host + "/films/up")
            symlink("old/b.avi", host + "/films/inside.avi")
            #expect(try #require(fixture.ask("/live/streams/films/a.mp4")).part == [0, 1000])
            #expect(try #require(fixture.ask("/live/streams/films/inside.avi")).header("Content-Type") == "video/x-msvideo")
            #expect(try #require(fixture.ask("/live/streams/films/old/b.avi", .get, ["Range": "bytes=10-19"])).part == [10, 10])
            for path in [
                "films/out.mp4", "films/up/beside.mp4", "films/.hidden.mp4", "films/notes.txt", "films/%2e%2e/beside.mp4", "films", "films/old",
            ] {
                #expect(try #require(fixture.ask("/live/streams/\(path)")).status == 404, "\(path)")
            }
            // It may be gone, or lead elsewhere, from one moment to the next.
            unlink(host + "/films/a.mp4")
            symlink("../beside.mp4", host + "/films/a.mp4")
            #expect(try #require(fixture.ask("/live/streams/films/a.mp4")).status == 404)
        }
    }
}
