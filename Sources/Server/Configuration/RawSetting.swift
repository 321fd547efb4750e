/// A value as it was written, before it is known what it should be.
enum RawSetting: Sendable, Equatable {
    /// `isQuoted` tells a YAML text in quotes, which is never a number or a boolean, from a plain one.
    case scalar(String, isQuoted: Bool)
    case list([String])
    /// A list with something other than plain values in it.
    case nestedList
    case mapping
    /// A YAML key with no value.
    case nothing

    /// As it is shown in an error.
    var text: String {
        switch self {
        case .scalar(let text, let isQuoted): isQuoted || text.isEmpty ? "\"\(text)\"" : text
        case .list(let items): "[\(items.joined(separator: ", "))]"
        case .nestedList: "a list of lists or mappings"
        case .mapping: "a mapping"
        case .nothing: "nothing"
        }
    }

    /// A scalar without quotes: what a number, a boolean, a duration or a size must be.
    var plainText: String? {
        if case .scalar(let text, isQuoted: false) = self { text } else { nil }
    }

    var anyText: String? {
        if case .scalar(let text, _) = self { text } else { nil }
    }
}
