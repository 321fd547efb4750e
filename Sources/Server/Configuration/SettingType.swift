/// What a setting's value may be: how it is read from text, how it is written, and in words what is allowed.
struct SettingType<Value: Sendable>: Sendable {
    /// In words, for error messages and help: "a whole number from 0 to 65535".
    let allowed: String
    /// nil when the value is not allowed.
    let read: @Sendable (RawSetting) -> Value?
    /// The form that `read` understands, as it stands in a YAML file.
    let write: @Sendable (Value) -> String
}

extension SettingType<Int> {
    static func integer(_ range: ClosedRange<Int>, meaning special: String = "") -> Self {
        let allowed = "a whole number from \(range.lowerBound) to \(range.upperBound)" + (special.isEmpty ? "" : ", \(special)")
        return Self(
            allowed: allowed,
            read: { raw in
                // Int(_:) takes a plus sign, which YAML numbers may carry but nobody means.
                guard let text = raw.plainText, !text.hasPrefix("+"), let number = Int(text), range.contains(number) else { return nil }
                return number
            },
            write: { String($0) })
    }

    static func evenInteger(_ range: ClosedRange<Int>) -> Self {
        let whole = Self.integer(range)
        return Self(
            allowed: "an even number from \(range.lowerBound) to \(range.upperBound)",
            read: { raw in whole.read(raw).flatMap { $0.isMultiple(of: 2) ? $0 : nil } }, write: whole.write)
    }

    static func size(_ range: ClosedRange<Int>) -> Self {
        Self(
            allowed: "a size from \(Quantity.text(bytes: range.lowerBound)) to \(Quantity.text(bytes: range.upperBound)), such as 500KB, 50MB or 1GB",
            read: { raw in raw.plainText.flatMap(Quantity.size).flatMap { range.contains($0) ? $0 : nil } },
            write: { Quantity.text(bytes: $0) })
    }
}

extension SettingType<Duration> {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(
            allowed: "a duration from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound)), such as 500ms, 2s, 1m or 1h",
            read: { raw in raw.plainText.flatMap(Quantity.duration).flatMap { range.contains($0) ? $0 : nil } },
            write: { Quantity.text($0) })
    }
}

extension SettingType<Bool> {
    static var boolean: Self {
        Self(
            allowed: "true or false",
            read: { raw in
                switch raw.plainText {
                case "true": true
                case "false": false
                default: nil
                }
            },
            write: { $0 ? "true" : "false" })
    }
}

extension SettingType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: Self {
        Self(
            allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            read: { raw in raw.anyText.flatMap(Value.init(rawValue:)) },
            write: { $0.rawValue })
    }
}

extension SettingType<String> {
    /// Text that `isValid` agrees with; `allowed` says so in words.
    static func text(_ allowed: String, isValid: @escaping @Sendable (String) -> Bool) -> Self {
        Self(
            allowed: allowed,
            read: { raw in raw.anyText.flatMap { isValid($0) ? $0 : nil } },
            write: { text in
                let needsNoQuotes = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "./_-".contains($0)) }
                let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                return needsNoQuotes ? text : "\"\(escaped)\""
            })
    }

    static var path: Self {
        .text("a path") { !$0.isEmpty && !$0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }
    }

    static var optionalPath: Self {
        .text("a path, or empty") { !$0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }
    }

    /// `endings`: how the file may be named, in lower case, without the dot.
    static func optionalPath(endings: [String]) -> Self {
        .text("a path that ends in one of \(endings.joined(separator: ", ")), or empty") { text in
            let ending = text.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased() ?? ""
            return text.isEmpty || endings.contains(ending) && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        }
    }

    static var absolutePath: Self {
        .text("an absolute path") { text in
            text.hasPrefix("/") && !text.split(separator: "/").contains("..") && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        }
    }

    static var host: Self {
        .text("a host name or an IP address") { !$0.isEmpty && Self.isHost($0) }
    }

    static var optionalHost: Self {
        .text("a host name or an IP address, or empty") { Self.isHost($0) }
    }

    /// The first part of a media URL. The names that URLs of our own begin with cannot be used.
    static var appName: Self {
        .text("letters, digits, - _ and . (at most 64), and none of \(Self.reservedApps.joined(separator: ", "))") { name in
            (1...64).contains(name.utf8.count) && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
                && !name.allSatisfy { $0 == "." } && !Self.reservedApps.contains(name)
        }
    }

    private static var reservedApps: [String] { ["v2", "rest", "healthz", "liveness", "readyz", "metrics"] }

    private static func isHost(_ text: String) -> Bool {
        text.utf8.count <= 253 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_:".contains($0)) }
    }
}

extension SettingType<AddressBlock> {
    static var addressBlock: Self {
        Self(
            allowed: "an IP address or a block such as 10.0.0.0/8 or fd00::/8",
            read: { raw in raw.anyText.flatMap(AddressBlock.init) },
            write: { $0.description })
    }
}

extension SettingType<Secret> {
    /// RFC 6750 §2.1: what can stand in an Authorization header.
    static var bearerToken: Self {
        Self(
            allowed: "visible ASCII characters without blanks, at most 1024, or empty",
            read: { raw in
                guard let text = raw.anyText, text.utf8.count <= 1024, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
                return Secret(text)
            },
            write: { $0.isEmpty ? "\"\"" : $0.description })
    }
}

extension SettingType<Secret> {
    /// What SRT derives its keys from (SRTO_PASSPHRASE).
    static var passphrase: Self {
        Self(
            allowed: "10 to 79 bytes of text, or empty",
            read: { raw in
                guard let text = raw.anyText, text.isEmpty || (10...79).contains(text.utf8.count) else { return nil }
                guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else { return nil }
                return Secret(text)
            },
            write: { $0.isEmpty ? "\"\"" : $0.description })
    }
}

extension SettingType {
    /// A YAML list; in the environment and in flags the items are separated by commas.
    static func list<Element>(of element: SettingType<Element>, atMost limit: Int) -> Self where Value == [Element] {
        Self(
            allowed: "a list of at most \(limit), each \(element.allowed)",
            read: { raw in
                let items: [String]
                switch raw {
                case .list(let list): items = list
                case .scalar(let text, isQuoted: false) where text.isEmpty: items = []
                case .scalar(let text, isQuoted: false):
                    items = text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingBlanks() }
                default: return nil
                }
                guard items.count <= limit else { return nil }
                let values = items.compactMap { element.read(.scalar($0, isQuoted: false)) }
                return values.count == items.count ? values : nil
            },
            write: { values in "[" + values.map(element.write).joined(separator: ", ") + "]" })
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> String {
        var rest = self.drop { $0 == " " || $0 == "\t" }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
