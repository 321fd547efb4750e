public import Logging
public import NIOCore
public import Streams

/// One place a stream is pushed to: an own connection, an own bounded queue, an own state machine. Whatever happens to it, the stream and all
/// other outputs go on untouched.
///
/// Owned by the supervisor of a broadcast: `start()` when it is wanted, `stop()` when it is not. It stays connected over a change of the
/// publisher and, for the grace window, after the stream's end; then it says goodbye, and connects again by itself should the stream come back before
/// it is stopped. All its work happens on one event loop; none of the calls waits for a connection.
public final class Destination: Sendable {
    private let driver: DestinationDriver
    private let board: DestinationBoard

    /// - Parameters:
    ///   - network: shared by all destinations of the process.
    ///   - logger: gets one line per change of state; give it the stream's metadata.
    ///   - onChange: called on the event loop after each change of anything but the counters; must not block.
    public init(
        configuration: DestinationConfiguration, stream: Stream, network: DestinationNetwork, group: any EventLoopGroup, logger: Logger,
        onChange: @escaping @Sendable (DestinationStatus) -> Void
    ) {
        self.board = DestinationBoard(id: configuration.id, logger: logger, onChange: onChange)
        self.driver = DestinationDriver(
            configuration: configuration, address: PushURL.parse(configuration.url), stream: stream, network: network, eventLoop: group.next(),
            board: self.board, seed: .random(in: .min ... .max))
    }

    deinit {
        let driver = self.driver
        driver.eventLoop.execute { driver.stop {} }
    }

    /// Begins: connects now if the stream is live, otherwise when it goes live. Calling it again does nothing.
    public func start() {
        let driver = self.driver
        driver.eventLoop.execute { driver.start() }
    }

    /// Ends the session properly and returns when nothing is open any more, within two seconds. Final.
    public func stop() async {
        let driver = self.driver
        await withCheckedContinuation { continuation in
            driver.eventLoop.execute { driver.stop { continuation.resume() } }
        }
    }

    /// The stream's publisher has gone, or will be seen to have: when it said goodbye, nothing stands in for it longer than the grace window.
    public func publisherLeft(saidGoodbye: Bool) {
        let driver = self.driver
        driver.eventLoop.execute { driver.publisherLeft(saidGoodbye: saidGoodbye) }
    }

    public var status: DestinationStatus { self.board.status }

    /// Whether `url` may be stored as an endpoint: nil, or what is wrong with it.
    public static func validate(url: String) -> DestinationURLError? {
        switch PushURL.parse(url) {
        case .success: nil
        case .failure(let error): error
        }
    }
}
