import Logging
import Synchronization

/// A log that is read by a test, down to debug.
final class LogText: Sendable {
    private let text = Mutex<[String]>([])
    var lines: [String] { self.text.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LogText
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            self.log.text.withLock { $0.append("\(event.level) \(event.message) \(metadata)") }
        }
    }
}
