import Logging

/// Writes log messages as lines of text or as JSON objects.
///
/// - text: `2026-06-01T12:00:00.123Z info  Publisher connected peer=192.0.2.1:50000 stream=demo`
/// - JSON: `{"timestamp":"…","level":"info","message":"Publisher connected","logger":"martlet","peer":"192.0.2.1:50000","stream":"demo"}`
///
/// Metadata is sorted by name. A value is cut after 512 bytes, a message after 4096, and a line carries at most 32 values.
struct MartletLogHandler: LogHandler {
    private static let messageLimit = 4096
    private static let valueLimit = 512
    private static let valueCountLimit = 32
    private static let reserved: Set<String> = ["timestamp", "level", "message", "logger"]

    let label: String
    let format: Settings.Log.Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let output: LogOutput

    init(label: String, format: Settings.Log.Format, level: Logger.Level, output: LogOutput) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let timestamp = LogTimestamp.now()
        self.output.write(self.line(event, timestamp: timestamp)) { lost in
            let note = LogEvent(
                level: .warning, message: "Log lines were lost, the reader of the log is too slow", metadata: ["count": "\(lost)"], source: nil,
                file: #fileID, function: #function, line: #line)
            return self.line(note, timestamp: timestamp)
        }
    }

    func line(_ event: LogEvent, timestamp: String) -> String {
        var merged = self.metadata
        if let provided = self.metadataProvider?.get() { merged.merge(provided) { $1 } }
        if let own = event.metadata { merged.merge(own) { $1 } }
        if let error = event.error, merged["error"] == nil { merged["error"] = "\(error)" }
        let values = merged.sorted { $0.key < $1.key }.prefix(Self.valueCountLimit)
        switch self.format {
        case .text: return Self.text(event, timestamp: timestamp, values: values)
        case .json: return self.json(event, timestamp: timestamp, values: values)
        }
    }

    private static func text(_ event: LogEvent, timestamp: String, values: ArraySlice<(key: String, value: Logger.MetadataValue)>) -> String {
        let level = event.level.rawValue
        var line = "\(timestamp) \(level)\(String(repeating: " ", count: max(0, 5 - level.count))) "
        LogText.append(event.message.description, limit: Self.messageLimit, quote: false, to: &line)
        for (key, value) in values {
            line.append(" ")
            LogText.append(key, limit: 64, quote: false, to: &line)
            line.append("=")
            let text = value.description
            if text.isEmpty || text.unicodeScalars.contains(where: { " \"=\\".unicodeScalars.contains($0) || LogText.isUnsafe($0) }) {
                LogText.appendQuoted(text, limit: Self.valueLimit, to: &line)
            } else {
                LogText.append(text, limit: Self.valueLimit, quote: false, to: &line)
            }
        }
        return line
    }

    private func json(_ event: LogEvent, timestamp: String, values: ArraySlice<(key: String, value: Logger.MetadataValue)>) -> String {
        var line = "{\"timestamp\":\"\(timestamp)\",\"level\":\"\(event.level.rawValue)\",\"message\":"
        LogText.appendQuoted(event.message.description, limit: Self.messageLimit, to: &line)
        line.append(",\"logger\":")
        LogText.appendQuoted(self.label, limit: 64, to: &line)
        for (key, value) in values {
            line.append(",")
            LogText.appendQuoted(Self.reserved.contains(key) ? "metadata.\(key)" : key, limit: 80, to: &line)
            line.append(":")
            LogText.appendQuoted(value.description, limit: Self.valueLimit, to: &line)
        }
        line.append("}")
        return line
    }
}
