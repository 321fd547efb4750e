import NIOCore
import RTMP

extension FuzzEntries {
    // MARK: Handshake

    private struct Shake: Equatable {
        var sent: [UInt8] = []
        var rest: [UInt8] = []
        var isFinished = false
        var error: RTMPError?
    }

    private static func shake(_ bytes: ArraySlice<UInt8>, by size: Int) -> Shake {
        var random = FixedRandom()
        var handshake = ServerHandshake()
        var shake = Shake()
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
            var piece = ByteBuffer(bytes: bytes[start..<min(bytes.endIndex, start + size)])
            do throws(RTMPError) {
                switch try handshake.received(&piece, using: &random) {
                case .needsMore: break
                case .send(let answer, let finished):
                    shake.sent += answer.readableBytesView
                    shake.isFinished = finished
                case .finished: shake.isFinished = true
                }
            } catch {
                shake.error = error
                return shake
            }
            shake.rest += piece.readableBytesView
        }
        return shake
    }

    /// The first byte is the size of the pieces of a second handshake; the client's reads the same bytes.
    static func handshake(_ bytes: [UInt8]) throws(Finding) {
        guard let first = bytes.first else { return }
        let whole = Self.shake(bytes.dropFirst(), by: max(1, bytes.count))
        try Self.require(whole == Self.shake(bytes.dropFirst(), by: Int(first) + 1), "any split gives the same handshake")
        try Self.require(whole.sent.isEmpty || whole.sent.count == 3073, "S0, S1 and S2 are sent once")
        let c2 = Self.c2(ByteBuffer(bytes: bytes.dropFirst()))
        try Self.require(c2 == nil || c2?.readableBytes == 1536, "C2 is whole")
    }

    private static func c2(_ bytes: ByteBuffer) -> ByteBuffer? {
        var client = ClientHandshake()
        var buffer = bytes
        do throws(RTMPError) {
            if case .send(let c2, _) = try client.received(&buffer) { return c2 }
        } catch {
            return nil
        }
        return nil
    }

    // MARK: Server

    /// The first byte says how the gate answers (bits 0 and 1: accept, refuse, not at all, stop) and how large the reads are.
    static func serverSession(_ bytes: [UInt8]) throws(Finding) {
        guard let first = bytes.first else { return }
        var session = ServerSession()
        var decoder = ChunkDecoder()
        var client = ChunkDecoder()
        var isClosed = false
        for start in stride(from: 1, to: bytes.count, by: Int(first >> 2) * 8 + 1) {
            var piece = ByteBuffer(bytes: bytes[start..<min(bytes.count, start + Int(first >> 2) * 8 + 1)])
            session.receivedBytes(count: piece.readableBytes)
            while true {
                let result: ServerSession.OnReceived
                do throws(RTMPError) {
                    guard let message = try decoder.next(from: &piece) else { break }
                    result = try session.received(message)
                } catch {
                    return
                }
                if case .media = result { try Self.require(session.isPublishing && !isClosed, "media only of publishers") }
                try Self.carryOut(&session, &client, gate: first & 3, &isClosed)
            }
            try Self.carryOut(&session, &client, gate: first & 3, &isClosed)
        }
    }

    private static func carryOut(
        _ session: inout ServerSession, _ client: inout ChunkDecoder, gate: UInt8, _ isClosed: inout Bool
    ) throws(Finding) {
        while let order = session.nextOrder() {
            try Self.require(!isClosed, "nothing follows a close")
            switch order {
            case .send(let buffer): try Self.require(Self.isReadable(buffer, by: &client), "clients can read what is sent")
            case .authorizePublish(let publish):
                try Self.require(publish.path.id.utf8.count <= 256, "ids are short")
                switch gate {
                case 0: try Self.require(session.publishAccepted(publish.request), "a fresh request waits")
                case 1: session.publishRefused(publish.request, .publishBadName("no"))
                case 2: session.stop(.publishBadName("stop"))
                default: break
                }
            case .authorizePlay(let play):
                switch gate {
                case 0: try Self.require(session.playAccepted(play.request), "a fresh request waits")
                case 1: session.playRefused(play.request, .streamNotFound("no"))
                case 2: session.stop(.playFailed("stop"))
                default: break
                }
            case .close: isClosed = true
            case .media, .metadata, .endPublish, .endPlay, .pause, .receiveAudio, .receiveVideo: break
            }
        }
        try Self.require(client.partialBytes == 0, "messages are sent whole")
    }

    private static func isReadable(_ bytes: ByteBuffer, by client: inout ChunkDecoder) -> Bool {
        var buffer = bytes
        do throws(RTMPError) {
            while let message = try client.next(from: &buffer) {
                if message.type == .commandAMF0 { _ = try RTMPCommand(message) }
            }
            return true
        } catch {
            return false
        }
    }

    // MARK: Client

    /// The first byte is the size of the reads; the rest is all that the server sends behind its handshake.
    static func clientSession(_ bytes: [UInt8]) throws(Finding) {
        guard let first = bytes.first else { return }
        var url: RTMPURL?
        do throws(RTMPURL.Failure) { url = try RTMPURL("rtmp://h/app/key") } catch { throw Finding("the URL is right: \(error)") }
        guard let url else { return }
        var session = ClientSession(url: url)
        var random = FixedRandom()
        let now = NIODeadline.uptimeNanoseconds(1)
        _ = session.start(now: now, using: &random)
        var shake = ByteBuffer(bytes: [3] + [UInt8](repeating: 0, count: 3072))
        session.received(&shake, now: now)
        var hasFailed = false
        var published = 0
        for start in stride(from: 1, to: bytes.count, by: Int(first) + 1) {
            var piece = ByteBuffer(bytes: bytes[start..<min(bytes.count, start + Int(first) + 1)])
            session.received(&piece, now: now)
            while let order = session.nextOrder() {
                try Self.require(!hasFailed, "nothing follows a failure")
                switch order {
                case .send(let buffer): try Self.require(buffer.readableBytes > 0, "nothing empty is sent")
                case .publishing: published += 1
                case .failed: hasFailed = true
                }
            }
        }
        try Self.require(published <= 1, "publishing starts once")
        _ = session.stop()
    }
}
