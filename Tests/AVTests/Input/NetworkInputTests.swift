import AV
import Foundation
import Glibc
import Media
import TestSupport
import Testing

@Suite(.againstHanging) struct NetworkInputTests {
    static func request(_ url: String, openTimeout: Duration = .seconds(10)) -> InputRequest {
        InputRequest(url: url, protocols: ["rtsp", "rtmp", "http", "tcp", "rtp", "udp"], openTimeout: openTimeout, readTimeout: .seconds(5))
    }

    @Test(arguments: ["rtsp", "http", "rtmp"]) func aBlackHoleEndsAtTheDeadline(scheme: String) throws {
        let listener = try LoopbackListener()
        var request = Self.request("\(scheme)://127.0.0.1:\(listener.port)/live/camera", openTimeout: .milliseconds(700))
        // What ends it is not this.
        request.readTimeout = .seconds(3600)
        let start = ContinuousClock.now
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(request, interrupt: Interrupt()) }
        let taken = ContinuousClock.now - start
        #expect(failure.cause == .timedOut)
        #expect(taken >= .milliseconds(690))
        #expect(taken < .seconds(60))
    }

    @Test(arguments: ["rtsp", "http", "rtmp"]) func cancellingEndsAnOpeningAtOnce(scheme: String) async throws {
        let listener = try LoopbackListener()
        // An hour: what ends it is not time.
        var request = Self.request("\(scheme)://127.0.0.1:\(listener.port)/live/camera", openTimeout: .seconds(3600))
        request.readTimeout = .seconds(3600)
        let interrupt = Interrupt()
        let ended = Shared<AVFailure?>(nil)
        let pool = BlockingPool(name: "av-test", threads: 1, waiting: 1)
        pool.execute { [request] in
            do throws(AVFailure) {
                _ = try Demuxer(request, interrupt: interrupt)
            } catch {
                ended.change { $0 = error }
            }
        }
        // The peer sees the connection, so the opening waits for its answer.
        let peer = accept(listener.descriptor, nil, nil)
        interrupt.cancel()
        pool.shutdown()
        close(peer)
        #expect(ended.value?.cause == .cancelled)
    }

    @Test func nobodyThereIsRefused() throws {
        let port = try TakenPort()
        let request = Self.request("http://127.0.0.1:\(port.number)/a.mp4")
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(request, interrupt: Interrupt()) }
        #expect(failure.peer == .refused)
        #expect(failure.cause == .library)
        withExtendedLifetime(port) {}
    }

    @Test(arguments: [(401, AVFailure.Peer.unauthorized), (403, .unauthorized), (404, .notFound)])
    func aPeersNoIsNamed(status: Int, peer: AVFailure.Peer) throws {
        for scheme in ["http", "rtsp"] {
            let listener = try LoopbackListener()
            let version = scheme == "http" ? "HTTP/1.1" : "RTSP/1.0"
            listener.answerOnce("\(version) \(status) No\r\nCSeq: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            let request = Self.request("\(scheme)://127.0.0.1:\(listener.port)/a")
            let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(request, interrupt: Interrupt()) }
            #expect(failure.peer == peer, "\(scheme): \(failure)")
        }
    }

    @Test func aNameThatDoesNotExistIsNamed() throws {
        let request = Self.request("http://no-such-host.invalid/a.mp4")
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(request, interrupt: Interrupt()) }
        #expect(failure.peer == .nameNotFound)
    }

    @Test func onlyTheProtocolsOfTheRequestAreSpoken() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mp4", video: nil, audio: Encoders.aac)
        for protocols in [["http", "tcp"], []] {
            let request = InputRequest(url: "file:" + path, protocols: protocols)
            let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(request, interrupt: Interrupt()) }
            #expect(failure.code != 0)
        }
        // An option cannot bring them back.
        let sly = InputRequest(url: "file:" + path, protocols: ["http"], options: ["protocol_whitelist": "file"])
        #expect(throws: AVFailure.self) { _ = try Demuxer(sly, interrupt: Interrupt()) }
        _ = try Demuxer(InputRequest(url: "file:" + path, protocols: ["file"]), interrupt: Interrupt())
    }

    @Test func aFormatThatOpensOtherFilesIsNotProbedFor() throws {
        let clips = try Clips()
        let clip = try clips.clip("source.mp4", video: nil, audio: Encoders.aac)
        let list = clips.path("list.txt")
        try Data("ffconcat version 1.0\nfile '\((clip as NSString).lastPathComponent)'\n".utf8).write(to: URL(fileURLWithPath: list))
        #expect(throws: AVFailure.self) { _ = try Demuxer(InputRequest(url: "file:" + list, protocols: ["file"]), interrupt: Interrupt()) }
        // It is not the list that is wrong.
        #expect(try Demuxer(path: list).formatName == "concat")
    }

    @Test func aReadThatWaitsEndsAtItsDeadline() throws {
        let clips = try Clips()
        let listener = try LoopbackListener()
        let body = try Data(contentsOf: URL(fileURLWithPath: try clips.clip("source.ts", video: Encoders.h264, audio: Encoders.aac)))
        let done = WakeSignal()
        // Half of what it promises, and then nothing.
        let head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: \(body.count)\r\n\r\n"
        listener.answerOnce(Data(head.utf8) + body.prefix(body.count / 2), until: done)
        defer { done.signal() }
        var request = Self.request("http://127.0.0.1:\(listener.port)/a.ts")
        request.readTimeout = .milliseconds(400)
        request.probeBytes = 30_000
        let reader = try FrameReader(Demuxer(request, interrupt: Interrupt()))
        let failure = try #require(throws: AVFailure.self) { while try reader.next() != nil {} }
        #expect(failure.cause == .timedOut)
    }

    @Test func aProbeTellsWhatIsThere() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mp4", seconds: 3, video: Encoders.h264, audio: Encoders.aac)
        let probe = try MediaProbe.run(InputRequest(url: "file:" + path, protocols: ["file"]))
        #expect(probe.isSeekable)
        #expect(probe.tracks.map(\.codec) == [.h264, .aac])
        #expect(abs(try #require(probe.duration).seconds - 3) < 0.05)
        let broken = clips.path("broken.mp4")
        try Data(try Data(contentsOf: URL(fileURLWithPath: path)).prefix(2_000)).write(to: URL(fileURLWithPath: broken))
        #expect(throws: AVFailure.self) { _ = try MediaProbe.run(InputRequest(url: "file:" + broken, protocols: ["file"])) }
    }
}

@Suite(.againstHanging) struct WakeSignalTests {
    /// An hour: who returns has been woken.
    private static let hour: Int64 = 3_600_000_000_000

    @Test func aSignalThatCameBeforeIsKeptOnce() {
        let signal = WakeSignal()
        signal.signal()
        signal.signal()
        signal.wait(until: WakeSignal.now() + Self.hour)
        let second = WakeSignal.now()
        signal.wait(until: second + 30_000_000)
        #expect(WakeSignal.now() - second >= 30_000_000)
    }

    @Test func aWaiterIsWokenAtOnce() {
        let signal = WakeSignal()
        Thread.detachNewThread { signal.signal() }
        signal.wait(until: WakeSignal.now() + Self.hour)
    }
}
