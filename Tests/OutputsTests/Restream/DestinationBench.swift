import Logging
import NIOCore
import NIOPosix
import Streams
import Synchronization

@testable import Outputs

/// A destination with short times, and everything it says.
struct DestinationBench {
    let destination: Destination
    let changes = EventLog<DestinationStatus>()
    let log = LogLines()

    /// Short waits between attempts, and limits that a busy machine keeps; a test of a limit sets its own.
    static let timing: DestinationConfiguration.Timing = {
        var timing = DestinationConfiguration.Timing()
        timing.connect = .seconds(20)
        timing.publish = .seconds(20)
        timing.stall = .seconds(20)
        // Who is cut off in its goodbye loses what it has not read yet.
        timing.close = .seconds(20)
        timing.firstRetry = .milliseconds(30)
        timing.firstRetryAfterRefusal = .milliseconds(300)
        timing.longestRetry = .milliseconds(600)
        timing.proven = .seconds(30)
        timing.merge = .milliseconds(20)
        return timing
    }()

    /// The usual times but one.
    static func timing(_ change: (inout DestinationConfiguration.Timing) -> Void) -> DestinationConfiguration.Timing {
        var timing = Self.timing
        change(&timing)
        return timing
    }

    init(
        _ url: String, stream: Stream, network: DestinationNetwork = DestinationNetwork(), republishLimit: Int = -1,
        timing: DestinationConfiguration.Timing = DestinationBench.timing, addsSilence: Bool = false, fill: DestinationFill = DestinationFill()
    ) {
        let changes = self.changes
        var configuration = DestinationConfiguration(
            id: "one", url: url, republishLimit: republishLimit, healthCheckPeriod: .milliseconds(100), timing: timing, addsSilence: addsSilence)
        configuration.fill = fill
        self.destination = Destination(
            configuration: configuration,
            stream: stream, network: network, group: MultiThreadedEventLoopGroup.singleton, logger: self.log.logger, onChange: { changes.add($0) })
        self.destination.start()
    }

    @discardableResult func reaches(_ state: DestinationState) async -> DestinationStatus? {
        await self.changes.first { $0.state == state }
    }
}

/// Collects log lines as text.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { self.lines.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(lines: self) }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            self.lines.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}
