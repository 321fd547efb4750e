import NIOCore
import Testing

@testable import RTMP

/// Plays a client to a `ServerSession` and keeps what it orders.
struct ServerScript {
    var session: ServerSession
    private var decoder = ChunkDecoder()

    init(_ configuration: ServerSession.Configuration = .init()) { self.session = ServerSession(configuration: configuration) }

    /// All orders that are waiting.
    mutating func orders() -> [ServerOrder] {
        var orders: [ServerOrder] = []
        while let order = self.session.nextOrder() { orders.append(order) }
        return orders
    }

    mutating func client(_ message: RTMPMessage) throws -> [ServerOrder] {
        let result = try self.session.received(message)
        let orders = self.orders()
        #expect((result == .orders) == !orders.isEmpty)
        if case .media(let message) = result { return [.media(message)] }
        return orders
    }

    /// What the client reads of these orders.
    mutating func read(_ orders: [ServerOrder]) throws -> [RTMPMessage] {
        try self.decoder.all(orders.flatMap { order -> [UInt8] in if case .send(let buffer) = order { buffer.bytes } else { [] } })
    }

    mutating func commands(_ orders: [ServerOrder]) throws -> [RTMPCommand] {
        try self.read(orders).filter { $0.type == .commandAMF0 }.map { try RTMPCommand($0) }
    }

    @discardableResult
    mutating func connect(_ object: AMF0Object = ["app": "live", "tcUrl": "rtmp://h/live"]) throws -> [RTMPCommand] {
        try self.commands(try self.client(command("connect", 1, [.object(object)])))
    }

    mutating func createStream() throws -> Double? {
        try self.commands(try self.client(command("createStream", 2, [.null]))).first?.value(1)?.number
    }

    /// Up to a publish that waits for its answer.
    mutating func askToPublish(_ name: String = "demo") throws -> PublishCommand {
        try self.connect()
        _ = try self.createStream()
        let orders = try self.client(command("publish", 3, [.null, .string(name), "live"], on: 1))
        guard case .authorizePublish(let publish)? = orders.first else { throw Unexpected(orders: orders) }
        return publish
    }

    mutating func publish() throws {
        let request = try self.askToPublish().request
        #expect(self.session.publishAccepted(request) == true)
        _ = try self.read(self.orders())
    }

    mutating func askToPlay(_ name: String = "demo") throws -> PlayCommand {
        try self.connect()
        _ = try self.createStream()
        let orders = try self.client(command("play", 3, [.null, .string(name)], on: 1))
        guard case .authorizePlay(let play)? = orders.first else { throw Unexpected(orders: orders) }
        return play
    }

    mutating func play() throws {
        let request = try self.askToPlay().request
        #expect(self.session.playAccepted(request) == true)
        _ = try self.read(self.orders())
    }

    struct Unexpected: Error { var orders: [ServerOrder] }
}

extension RTMPCommand {
    /// The code of an `onStatus`, `_result` or `_error`.
    var code: String? { self.values.last?.object?["code"]?.string }
}
