public import Hummingbird
public import NIOCore

/// What travels with one request: Hummingbird's own, and who sent it.
public struct APIRequestContext: RemoteAddressRequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Of the connection; nil for one without an address.
    public let remoteAddress: SocketAddress?

    public init(source: ApplicationRequestContextSource) {
        self.init(source: source, remoteAddress: source.channel.remoteAddress)
    }

    /// For requests that did not come in over a channel.
    public init(source: some RequestContextSource, remoteAddress: SocketAddress?) {
        self.coreContext = .init(source: source)
        self.remoteAddress = remoteAddress
    }
}
