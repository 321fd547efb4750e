public import NIOCore

/// A command message: a name, a transaction and its values (RTMP 1.0 §7.2).
public struct RTMPCommand: Sendable, Equatable {
    public var name: String
    /// 0 for a command that wants no answer.
    public var transaction: Double
    /// What follows the transaction: the command object (null except in `connect` and its result), then the arguments.
    public var values: [AMF0Value]

    public init(_ name: String, transaction: Double = 0, _ values: [AMF0Value]) {
        self.name = name
        self.transaction = transaction
        self.values = values
    }

    /// The value at `index` after the transaction; 0 is the command object.
    public func value(_ index: Int) -> AMF0Value? { index < self.values.count ? self.values[index] : nil }

    /// Reads a message of type 20, or 17 whose AMF0 stands behind a format byte.
    public init(_ message: RTMPMessage, limits: AMF0Decoder.Limits = AMF0Decoder.Limits()) throws(RTMPError) {
        let values = try Self.values(message, isAMF3: message.type == .commandAMF3, limits)
        guard let name = values.first?.string else { throw .commandWithoutName }
        self.name = name
        // Some encoders leave the transaction out of commands that want no answer.
        if values.count > 1, let transaction = values[1].number {
            self.transaction = transaction
            self.values = Array(values.dropFirst(2))
        } else {
            self.transaction = 0
            self.values = Array(values.dropFirst())
        }
    }

    /// The values of a command or data message.
    static func values(_ message: RTMPMessage, isAMF3: Bool, _ limits: AMF0Decoder.Limits) throws(RTMPError) -> [AMF0Value] {
        var payload = message.payload
        // The format byte is 0 for AMF0; some peers leave it out, and a value never begins with marker 0 here but with a string's 2.
        if isAMF3, payload.getInteger(at: payload.readerIndex, as: UInt8.self) == 0 { payload.moveReaderIndex(forwardBy: 1) }
        do {
            return try AMF0Decoder.decodeAll(payload, limits: limits)
        } catch {
            throw .malformedCommand(error)
        }
    }

    /// The body of a message of type 20.
    public var payload: ByteBuffer {
        AMF0Encoder.encode([.string(self.name), .number(self.transaction)] + self.values)
    }
}
