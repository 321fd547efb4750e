import NIOCore

/// Stands before the fast path of a plain port, so that what the router would answer is redirected too.
struct RedirectingResponder: ReadyResponder {
    let redirect: SecureRedirect
    let next: any ReadyResponder

    func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        if let response = self.redirect.answer(to: request) { return .now(response) }
        return self.next.respond(to: request, on: eventLoop)
    }
}
