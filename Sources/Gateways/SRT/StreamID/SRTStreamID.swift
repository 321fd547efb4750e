/// What the caller of an SRT connection says it wants, in its stream id (SRTO_STREAMID). A pure value.
///
/// | form | is |
/// | --- | --- |
/// | `{app}/{id}`, `{app}/{id},token=…,…` | publish, as the contract's URLs have it |
/// | `publish:{id}`, `publish:{id}:{user}:{password}[:{query}]` | publish |
/// | `read:{id}`, `read:{id}:{user}:{password}[:{query}]` | watch |
/// | `#!::r={id},m=publish,u={user},s={password},…` | as `m` says; without it, watch (SRT Access Control guidelines) |
///
/// An `{id}` may always have its `{app}/` before it. Whatever stands between separators may be percent-encoded. `user` becomes a parameter of that
/// name, a password the parameter `token` unless one is given beside it.
struct SRTStreamID: Sendable, Equatable {
    enum Mode: Sendable, Equatable {
        case publish
        case play
    }

    enum Failure: Error, Sendable, Equatable {
        case empty
        case tooLong
        /// No UTF-8, or control characters in it.
        case notText
        /// Too many fields, one without a name, or nothing that names a stream.
        case malformed
        /// `t` is something other than a live stream.
        case unsupportedType
        /// `m` is neither publish nor request.
        case unsupportedMode
    }

    struct Parameter: Sendable, Equatable {
        var name: String
        var value: String
    }

    static let longest = 512
    static let mostParameters = 32

    /// Nil: the caller named none.
    var app: String?
    var id: String
    var mode: Mode
    /// In order.
    var parameters: [Parameter]

    init(_ bytes: some Collection<UInt8>) throws(Failure) {
        guard bytes.count <= Self.longest else { throw .tooLong }
        guard !bytes.isEmpty else { throw .empty }
        guard let text = String(validating: bytes, as: UTF8.self), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw .notText
        }
        // In a URL the # must be encoded, and not every client decodes it again.
        if let keys = ["#!::", "%23!::"].lazy.first(where: { text.hasPrefix($0) }) {
            try self.init(keys: text.dropFirst(keys.count))
        } else if text.hasPrefix("#!") {
            // The guidelines' nested form, which nobody sends.
            throw .malformed
        } else if text.hasPrefix("publish:") {
            try self.init(colons: text.dropFirst(8), mode: .publish)
        } else if text.hasPrefix("read:") {
            try self.init(colons: text.dropFirst(5), mode: .play)
        } else {
            let path = text.prefix { $0 != "," && $0 != "?" }
            try self.init(path: path, mode: .publish, try Self.pairs(text.dropFirst(path.count + 1)))
        }
    }

    private init(path: Substring, mode: Mode, _ parameters: [Parameter]) throws(Failure) {
        let segments = path.split(separator: "/").map { Self.decoded($0) }
        guard let last = segments.last, segments.count <= 2, !last.isEmpty else { throw .malformed }
        self.app = segments.count == 2 ? segments[0] : nil
        self.id = last
        self.mode = mode
        self.parameters = parameters
    }

    private init(colons text: Substring, mode: Mode) throws(Failure) {
        let fields = text.split(separator: ":", omittingEmptySubsequences: false)
        var parameters: [Parameter] = []
        switch fields.count {
        case 1: break
        case 2: parameters = try Self.pairs(fields[1])
        case 3, 4:
            if fields.count == 4 { parameters = try Self.pairs(fields[3]) }
            Self.add(user: Self.decoded(fields[1]), password: Self.decoded(fields[2]), to: &parameters)
        default: throw .malformed
        }
        try self.init(path: fields[0], mode: mode, parameters)
    }

    private init(keys text: Substring) throws(Failure) {
        var resource: Substring?
        var mode: Mode?
        var user = ""
        var password = ""
        var parameters: [Parameter] = []
        for (name, value) in try Self.rawPairs(text) {
            switch name {
            case "r": resource = resource ?? value
            case "m": if mode == nil { mode = try Self.mode(value) }
            case "t": guard value == "stream" else { throw .unsupportedType }
            case "u": user = user.isEmpty ? Self.decoded(value) : user
            case "s": password = password.isEmpty ? Self.decoded(value) : password
            // Which of a server's hosts: there is one.
            case "h": break
            default: parameters.append(Parameter(name: Self.decoded(name), value: Self.decoded(value)))
            }
        }
        Self.add(user: user, password: password, to: &parameters)
        guard let resource else { throw .malformed }
        try self.init(path: resource, mode: mode ?? .play, parameters)
    }

    private static func mode(_ text: Substring) throws(Failure) -> Mode {
        switch text {
        case "publish": .publish
        case "request": .play
        default: throw .unsupportedMode
        }
    }

    private static func add(user: String, password: String, to parameters: inout [Parameter]) {
        if !user.isEmpty { parameters.append(Parameter(name: "user", value: user)) }
        if !password.isEmpty, !parameters.contains(where: { $0.name == "token" }) { parameters.append(Parameter(name: "token", value: password)) }
    }

    private static func pairs(_ text: Substring) throws(Failure) -> [Parameter] {
        try self.rawPairs(text).map { Parameter(name: Self.decoded($0.name), value: Self.decoded($0.value)) }
    }

    /// `name=value` between commas or ampersands; a bare flag has an empty value, nothing between two separators is nothing.
    private static func rawPairs(_ text: Substring) throws(Failure) -> [(name: Substring, value: Substring)] {
        let fields = text.split { $0 == "," || $0 == "&" }
        guard fields.count <= Self.mostParameters else { throw .malformed }
        var pairs: [(name: Substring, value: Substring)] = []
        for field in fields {
            let name = field.prefix { $0 != "=" }
            guard !name.isEmpty else { throw .malformed }
            pairs.append((name, field.dropFirst(name.count + 1)))
        }
        return pairs
    }

    /// `%41` is `A`. What is no such pair, or would be no text, stays as it is.
    private static func decoded(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return String(text) }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = Self.digit(bytes[index + 1]),
                let low = Self.digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        guard let decoded = String(validating: result, as: UTF8.self), !decoded.utf8.contains(0) else { return String(text) }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
