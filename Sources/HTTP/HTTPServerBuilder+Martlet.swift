public import HummingbirdCore

extension HTTPServerBuilder {
    /// Hummingbird over Martlet's transport: `Application(router: router, server: .martlet(readyResponder: delivery))`.
    public static func martlet(
        configuration: FastPathChannel.Configuration = .init(), readyResponder: any ReadyResponder
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            FastPathChannel(configuration: configuration, readyResponder: readyResponder, responder: responder)
        }
    }
}
