import CNGHTTP2
import NIOCore

/// Bodies that are sent while they are being made.
extension HTTP2ConnectionHandler {
    /// Asks for the next piece when the one before has gone into DATA frames. Called within nghttp2, which is told to wait where there is none yet.
    func advance(_ body: HTTP2GrowingBody, of stream: HTTP2Stream) -> HTTP2GrowingBody {
        guard case .ready = body.state, let context = self.context else { return body }
        var body = body
        let next = body.reader.next(on: context.eventLoop)
        self.take(next, into: &body, of: stream, context)
        return body
    }

    private func take(
        _ next: GrowingBodyReader.Next, into body: inout HTTP2GrowingBody, of stream: HTTP2Stream, _ context: ChannelHandlerContext
    ) {
        stream.lastProgress = context.eventLoop.now
        switch next {
        case .piece(let piece): body.state = .piece(piece)
        case .end: body.state = .ended
        case .broken: body.state = .broken
        case .later(let future):
            body.state = .waiting
            let bound = NIOLoopBound((self, stream), eventLoop: context.eventLoop)
            future.whenComplete { result in
                // A future that is there already would call this within nghttp2.
                bound.value.0.context?.eventLoop.execute {
                    let (handler, stream) = bound.value
                    handler.came(result, for: stream)
                }
            }
        }
    }

    private func came(_ result: Result<GrowingBody.Step, any Error>, for stream: HTTP2Stream) {
        // The client may have given it up, or be gone.
        guard self.stream(stream.id) === stream, case .open = self.phase, let context = self.context, case .growing(var body) = stream.body,
            case .waiting = body.state
        else { return }
        stream.body = .none
        let next: GrowingBodyReader.Next =
            switch result {
            case .success(let step): body.reader.next(step, on: context.eventLoop)
            case .failure: .broken
            }
        self.take(next, into: &body, of: stream, context)
        stream.body = .growing(body)
        nghttp2_session_resume_data(self.session, stream.id)
        self.pump()
    }
}
