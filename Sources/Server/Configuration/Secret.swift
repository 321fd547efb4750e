/// A text that must not reach a log, an error or a terminal: it prints as `***`, in string interpolation, `dump` and a debugger alike.
struct Secret: Sendable, Equatable {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    var isEmpty: Bool { self.text.isEmpty }
    /// Bytes.
    var count: Int { self.text.utf8.count }

    /// The text itself, for the one place that must compare or send it.
    func reveal() -> String { self.text }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { self.isEmpty ? "" : "***" }
    var debugDescription: String { self.description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
