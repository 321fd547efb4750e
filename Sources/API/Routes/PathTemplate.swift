/// A path of the API below its version, such as `/broadcasts/{id}/stop`.
public struct PathTemplate: Sendable, Hashable, CustomStringConvertible {
    enum Part: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    let parts: [Part]
    public let description: String

    init(_ text: String) {
        self.description = text
        self.parts = text.split(separator: "/").map { part in
            part.hasPrefix("{") && part.hasSuffix("}") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    /// The parameters, when the segments fit. A parameter takes any text but the empty one.
    func match(_ segments: some Collection<String>) -> [String: String]? {
        guard segments.count == self.parts.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(self.parts, segments) {
            switch part {
            case .literal(let text): guard text == segment else { return nil }
            case .parameter(let name):
                guard !segment.isEmpty else { return nil }
                parameters[name] = segment
            }
        }
        return parameters
    }

    /// Of two that fit, the one with a literal where the other has a parameter, read from the left, is meant.
    func isMoreLiteral(than other: PathTemplate) -> Bool {
        for (mine, theirs) in zip(self.parts, other.parts) {
            switch (mine, theirs) {
            case (.literal, .parameter): return true
            case (.parameter, .literal): return false
            default: continue
            }
        }
        return false
    }
}
