public import NIOCore

/// A body that is sent while it is being made, so that nobody knows its length. The transport asks for one piece after the other, each when the one
/// before has left: who reads slowly holds one piece, and a piece may be shared with all others who read the same.
///
/// HTTP/1.1 sends it chunked, HTTP/1.0 until the connection's end, HTTP/2 as DATA frames as they come.
public struct GrowingBody: Sendable {
    public indirect enum Step: Sendable {
        /// Shared, never copied. One without bytes is passed over.
        case piece(ByteBuffer)
        /// Not made yet. It must be there, or known not to come, within seconds; a failure is `broken`. When the client goes away first, the result is
        /// dropped.
        case later(EventLoopFuture<Step>)
        /// The body is complete.
        case end
        /// The rest does not come. Only a broken connection, or a reset stream, tells the client.
        case broken
    }

    private let step: @Sendable (Int, any EventLoop) -> Step

    /// `step` is asked for pieces 0, 1, 2 and so on, until it gives `end` or `broken`. Called on the connection's event loop: must not block.
    public init(_ step: @escaping @Sendable (_ index: Int, _ eventLoop: any EventLoop) -> Step) {
        self.step = step
    }

    public func step(_ index: Int, on eventLoop: any EventLoop) -> Step { self.step(index, eventLoop) }
}

/// How far one client has got in a body that grows.
struct GrowingBodyReader {
    enum Next {
        case piece(ByteBuffer)
        case later(EventLoopFuture<GrowingBody.Step>)
        case end
        case broken
    }

    private let body: GrowingBody
    private var index = 0

    init(_ body: GrowingBody) {
        self.body = body
    }

    /// What is there now; after `later`, what its future gives is to be put into `next(_:on:)`.
    mutating func next(on eventLoop: any EventLoop) -> Next { self.next(self.body.step(self.index, on: eventLoop), on: eventLoop) }

    mutating func next(_ step: GrowingBody.Step, on eventLoop: any EventLoop) -> Next {
        var step = step
        while true {
            switch step {
            case .piece(let piece):
                self.index += 1
                if piece.readableBytes > 0 { return .piece(piece) }
                step = self.body.step(self.index, on: eventLoop)
            case .later(let future): return .later(future.hop(to: eventLoop))
            case .end: return .end
            case .broken: return .broken
            }
        }
    }
}
