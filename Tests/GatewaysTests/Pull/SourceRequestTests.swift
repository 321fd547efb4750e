import AV
import Egress
import NIOCore
import Testing

@testable import Gateways

@Suite struct SourceRequestTests {
    private func request(_ url: String, pinnedTo address: String? = nil, transport: Puller.RTSPTransport = .auto) throws -> (
        SourceRequest, InputRequest
    ) {
        var configuration = Puller.Configuration(libraryDirectory: "/library")
        configuration.rtspTransport = transport
        let source = SourceRequest(try SourceAddress(url), configuration: configuration)
        let pinned = try address.map { try SocketAddress(ipAddress: $0, port: 1) }
        return (source, source.request(pinnedTo: pinned, openTimeout: .seconds(7)))
    }

    @Test func aCameraIsAskedAtTheAddressThatWasChecked() throws {
        let (source, request) = try self.request("rtsp://user:p%40ss@cam.example/stream?channel=1", pinnedTo: "192.0.2.7")
        #expect(source.pinsAddress)
        #expect(request.url == "rtsp://user:p%40ss@192.0.2.7/stream?channel=1")
        #expect(request.protocols == ["rtp", "udp", "tcp"])
        #expect(request.openTimeout == .seconds(7))
        #expect(request.options["timeout"] == "11000000", "the interrupt comes first")
    }

    @Test func sixthVersionAddressesKeepTheirBrackets() throws {
        #expect(try self.request("rtsp://cam.example:8554/s", pinnedTo: "2001:db8::1").1.url == "rtsp://[2001:db8::1]:8554/s")
    }

    @Test func transportIsAsConfiguredUnlessTheURLSaysIt() throws {
        #expect(try self.request("rtsp://h/s").1.options["rtsp_flags"] == "prefer_tcp")
        #expect(try self.request("rtsp://h/s").1.options["rtsp_transport"] == "udp+tcp")
        #expect(try self.request("rtsp://h/s", transport: .udp).1.options["rtsp_transport"] == "udp")
        #expect(try self.request("rtsp://h/s", transport: .tcp).1.options["rtsp_flags"] == nil)
        for name in ["rtsp_transport", "transport"] {
            let (_, request) = try self.request("rtsp://h/s?\(name)=TCP&x=1", transport: .udp)
            #expect(request.options["rtsp_transport"] == "tcp")
            #expect(request.url == "rtsp://h/s?x=1")
        }
        #expect(try self.request("rtsp://h/s?transport=carrier-pigeon", transport: .udp).1.options["rtsp_transport"] == "udp")
    }

    @Test(arguments: [
        ("video", true, false), ("audio", false, true), ("video+audio", true, true), ("audio,video", true, true), ("data", true, true),
        ("", true, true),
    ])
    func mediaTypesOfTheURLAreHonouredAndTakenOut(types: String, video: Bool, audio: Bool) throws {
        let (source, request) = try self.request("rtsp://h/s?allowed_media_types=\(types)")
        #expect(source.wantsVideo == video)
        #expect(source.wantsAudio == audio)
        #expect(request.url == "rtsp://h/s")
        #expect(request.options["allowed_media_types"] == (video && audio ? "video+audio" : video ? "video" : "audio"))
    }

    @Test func otherSchemesKeepTheirQuery() throws {
        let (source, request) = try self.request("http://h/s.m3u8?transport=tcp&allowed_media_types=audio")
        #expect(request.url == "http://h/s.m3u8?transport=tcp&allowed_media_types=audio")
        #expect(source.wantsVideo)
    }

    @Test func webServersAreAskedByTheirName() throws {
        for url in ["http://h/x.mp4", "https://h/x.mp4", "rtmps://h/live/x", "rtsps://h/x"] {
            #expect(try !self.request(url).0.pinsAddress, "\(url)")
        }
        let request = try self.request("https://h/x.m3u8").1
        #expect(request.protocols == ["http", "https", "tcp", "tls", "crypto"])
        #expect(request.options["reconnect"] == nil)
    }

    @Test(
        arguments: [
            ("rtmp://media.example/live/stream", "rtmp://media.example/live"),
            ("rtmp://media.example:1936/live/stream?token=a/b", "rtmp://media.example:1936/live/stream?token=a"),
            ("rtmp://media.example:1936/live/stream?token=ab", "rtmp://media.example:1936/live"),
            ("rtmp://media.example/app/instance/stream", "rtmp://media.example/app/instance"),
            ("rtmp://media.example/vod/mp4:films/a.mp4", "rtmp://media.example/vod"),
            ("rtmp://media.example/stream", "rtmp://media.example/"),
            ("rtmp://user:pw@media.example/live/stream", "rtmp://media.example/live"),
        ])
    func anRTMPServerIsToldTheNameItServes(url: String, tcURL: String) throws {
        let (source, request) = try self.request(url, pinnedTo: "192.0.2.9")
        #expect(source.pinsAddress)
        #expect(request.options["rtmp_tcurl"] == tcURL)
        #expect(request.options["timeout"] == nil, "it would make libavformat listen")
        #expect(request.protocols == ["rtmp", "tcp"])
        #expect(request.url.contains("192.0.2.9"))
    }

    @Test func noSchemeOpensFiles() throws {
        let urls = ["rtsp://h/x", "rtsps://h/x", "rtmp://h/a/b", "rtmps://h/a/b", "http://h/x", "https://h/x", "srt://h:1", "udp://239.0.0.1:1"]
        for url in urls {
            let protocols = try self.request(url).1.protocols
            #expect(!protocols.isEmpty)
            for forbidden in ["file", "concat", "data", "subfile", "pipe", "async", "cache", "ftp", "unix", "httpproxy"] {
                #expect(!protocols.contains(forbidden), "\(url)")
            }
        }
    }
}
