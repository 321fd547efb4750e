import SRT

/// Where a stream is pushed to over SRT: `srt://host:port?streamid=…&passphrase=…&latency=…`, as FFmpeg writes it.
///
/// The stream id may stand there as it is (`#!::r=…,m=publish`) or percent-encoded. Parameters that only FFmpeg knows are passed over.
struct SRTTarget: PushAddress, Equatable {
    /// Below this a latency is taken as milliseconds, as other tools write it; FFmpeg's are microseconds.
    private static let leastMicroseconds = 10_000
    /// Milliseconds.
    private static let longestLatency = 10_000

    let host: String
    let port: Int
    let parameters: SRTParameters

    var identity: String { "srt \(self.host.lowercased()) \(self.port) \(self.parameters.streamID)" }

    var redactedURL: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "srt://\(host):\(self.port)" + (self.parameters.streamID.isEmpty ? "" : "?streamid=***")
    }

    func redact(_ text: String) -> String {
        let streamID = self.parameters.streamID
        let passphrase = self.parameters.passphrase.map { [$0] } ?? []
        return Redaction([streamID] + streamID.split { "/,:=&?".contains($0) }.map { String($0) } + passphrase)(text)
    }

    func makeTransport(_ attempt: PushAttempt) -> any PushTransport { SRTPush(self, attempt) }

    static func parse(_ text: String) -> Result<SRTTarget, DestinationURLError> {
        Result { () throws(DestinationURLError) in try Self(text) }
    }

    private init(_ text: String) throws(DestinationURLError) {
        guard text.utf8.count <= PushTarget.longestURL else { throw .tooLong(limit: PushTarget.longestURL) }
        guard text.lowercased().hasPrefix("srt://") else { throw .unsupportedScheme }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .invalidCharacter }
        let rest = text.dropFirst(6)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        (self.host, self.port) = try Self.address(authority)
        guard let mark = rest.firstIndex(of: "?") else {
            self.parameters = SRTParameters()
            return
        }
        self.parameters = try Self.parameters(rest[rest.index(after: mark)...])
    }

    private static func address(_ authority: Substring) throws(DestinationURLError) -> (String, Int) {
        guard !authority.contains("@") else { throw .invalidHost }
        guard let colon = authority.lastIndex(of: ":"), let port = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(port)
        else { throw authority.isEmpty ? .missingHost : .invalidPort }
        var host = authority[..<colon]
        guard !host.isEmpty else { throw .missingHost }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), SRTAddress(literal: String(host.dropFirst().dropLast()), port: port) != nil else { throw .invalidHost }
            host = host.dropFirst().dropLast()
        } else {
            guard host.utf8.count <= 253, host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" }) else {
                throw .invalidHost
            }
        }
        return (String(host), port)
    }

    private static func parameters(_ query: Substring) throws(DestinationURLError) -> SRTParameters {
        var parameters = SRTParameters()
        for field in query.split(separator: "&") {
            let name = field.prefix { $0 != "=" }
            let value = Self.decoded(field.dropFirst(name.count + 1))
            switch name.lowercased() {
            case "streamid", "srt_streamid": parameters.streamID = value
            case "passphrase": parameters.passphrase = value.isEmpty ? nil : value
            case "pbkeylen":
                guard let length = Int(value), SRTParameters.keyLengths.contains(length) else {
                    throw .invalidParameter("pbkeylen is 16, 24 or 32")
                }
                parameters.keyLength = length
            case "latency", "rcvlatency", "peerlatency":
                parameters.latency = max(parameters.latency, try Self.latency(value))
            case "mode": guard value == "caller" else { throw .invalidParameter("mode is caller, or not there") }
            default: break
            }
        }
        if let problem = parameters.problem { throw .invalidParameter(problem) }
        return parameters
    }

    private static func latency(_ text: String) throws(DestinationURLError) -> Int {
        guard let number = Int(text), number >= 0 else { throw .invalidParameter("latency is a number of microseconds") }
        let milliseconds = number >= Self.leastMicroseconds ? number / 1000 : number
        guard milliseconds <= Self.longestLatency else { throw .invalidParameter("latency is 10 s at most") }
        return milliseconds
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
