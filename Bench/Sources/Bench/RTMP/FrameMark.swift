/// The number the generator writes into every video frame it publishes: an SEI message of user data (ITU-T H.264 §D.1.7) before the slices.
/// Players find it again, so a lost or a late frame is known for certain, whatever a server does to timestamps.
enum FrameMark {
    private static let identifier = Array("martlet-bench-01".utf8)
    static let digits = 8

    /// The whole NAL unit with its four length bytes and number 0.
    static let unit: [UInt8] = {
        let payload = Self.identifier + [UInt8](repeating: 0x30, count: Self.digits)
        let unit = [0x06, 0x05, UInt8(payload.count)] + payload + [0x80]
        return [0, 0, 0, UInt8(unit.count)] + unit
    }()
    /// Where in `unit` the digits are.
    static let digitsOffset = 4 + 3 + 16

    /// Hexadecimal, so that no start code can come about.
    static func write(_ number: Int, to bytes: UnsafeMutablePointer<UInt8>) {
        for place in 0..<Self.digits {
            let digit = UInt8(truncatingIfNeeded: number >> (4 * (Self.digits - 1 - place))) & 0xF
            bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
    }

    /// The number in the first bytes of a frame; nil when there is none.
    static func read(_ head: UnsafeRawBufferPointer) -> Int? {
        let length = Self.identifier.count
        guard head.count >= length + Self.digits else { return nil }
        for start in 0...(head.count - length - Self.digits) where head[start] == Self.identifier[0] {
            guard (0..<length).allSatisfy({ head[start + $0] == Self.identifier[$0] }) else { continue }
            var number = 0
            for byte in head[(start + length)..<(start + length + Self.digits)] {
                guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
                number = number << 4 | digit
            }
            return number
        }
        return nil
    }
}
