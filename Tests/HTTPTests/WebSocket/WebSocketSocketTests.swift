import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import HTTP

/// Real sockets, and a client that somebody else wrote (Python's websockets).
struct WebSocketSocketTests {
    private static func python(_ server: TestServer, _ body: String) async throws -> Tool {
        let script = """
            import asyncio, sys, websockets
            url = "ws://127.0.0.1:\(server.port)"
            async def main():
            \(body.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n"))
            asyncio.run(asyncio.wait_for(main(), 50))
            """
        return try await Tool.run("/usr/bin/python3", ["-c", script])
    }

    @Test(.againstHanging) func anotherClientTalksAndCloses() async throws {
        try await TestServer.run(webSockets: ScriptedSockets()) { server in
            let tool = try await Self.python(
                server,
                """
                async with websockets.connect(url + "/echo", subprotocols=["other", "echo"], compression="deflate") as socket:
                    print(socket.subprotocol)
                    await socket.send("grüße")
                    print(await socket.recv())
                    await socket.send(["in ", "three ", "parts"])
                    print(await socket.recv())
                    await socket.send(b"\\x00" * 60000)
                    print(await socket.recv())
                    await (await socket.ping())
                    await socket.send("close")
                    try:
                        await socket.recv()
                    except websockets.ConnectionClosed as closed:
                        print(closed.rcvd.code)
                """)
            #expect(tool.status == 0 && tool.output == "echo\ngrüße\nin three parts\n60000 bytes\n1000\n")
        }
    }

    @Test(.againstHanging) func anotherClientLearnsWhatItDidWrong() async throws {
        var limits = WebSocketLimits()
        limits.messageBytes = 1000
        try await TestServer.run(webSockets: ScriptedSockets(), webSocketLimits: limits) { server in
            let tool = try await Self.python(
                server,
                """
                async with websockets.connect(url + "/echo") as socket:
                    await socket.send("x" * 1001)
                    try:
                        await socket.recv()
                    except websockets.ConnectionClosed as closed:
                        print(closed.rcvd.code)
                for path in ["/refuse", "/fast/x", "/ignore"]:
                    try:
                        await websockets.connect(url + path)
                    except websockets.InvalidStatusCode as refused:
                        print(refused.status_code)
                """)
            #expect(tool.status == 0 && tool.output == "1009\n403\n200\n403\n")
        }
    }

    @Test(.againstHanging) func aClientThatReadsNothingIsLetGo() async throws {
        var limits = WebSocketLimits()
        limits.closeTimeout = .milliseconds(200)
        let sockets = ScriptedSockets()
        try await TestServer.run(webSockets: sockets, webSocketLimits: limits) { server in
            let client = try await server.connect(autoRead: false)
            let fields =
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            try await client.send(Wire.get("/flood", fields))
            try await server.waitUntilEmpty(after: 1)
            let session = try #require(sockets.sessions.withLock { $0.first })
            try await eventually("its session is told") { session.codes.withLock { !$0.isEmpty } }
            #expect(session.codes.withLock { $0 } == [.tryAgainLater])
            try await client.close()
        }
    }

    @Test(.againstHanging) func aServerThatStopsSaysGoodbye() async throws {
        let sockets = ScriptedSockets()
        try await TestServer.run(webSockets: sockets) { server in
            let client = try await server.connect()
            let fields =
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            try await client.send(Wire.get("/echo", fields))
            _ = try await client.read { $0.hasSuffix("\r\n\r\n") }
            #expect(sockets.sessions.withLock { $0.count } == 1)
        }
        // The server is down now, and the WebSocket did not hold it up.
        #expect(sockets.sessions.withLock { $0.first }?.codes.withLock { $0 } == [.goingAway])
    }
}
