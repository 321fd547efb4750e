import NIOCore
import Testing

@testable import RTMP

@Suite struct AMF0Tests {
    private static let everything: [AMF0Value] = [
        1.5, true, false, "text", .null, .undefined, .unsupported, .reference(7), .date(milliseconds: 1e12, timeZone: -60),
        .longString("long"), .xmlDocument("<a/>"), .object(["a": 1, "b": .object(["c": "d"])]), .ecmaArray(["x": .null]),
        .strictArray([1, "two", .strictArray([])]), .typedObject(className: "C", ["p": 3]), .object([:]),
    ]

    private func decode(_ bytes: [UInt8], _ limits: AMF0Decoder.Limits = .init()) throws(AMF0Error) -> [AMF0Value] {
        try AMF0Decoder.decodeAll(ByteBuffer(bytes: bytes), limits: limits)
    }

    @Test func whatIsEncodedIsDecoded() throws {
        #expect(try AMF0Decoder.decodeAll(AMF0Encoder.encode(Self.everything)) == Self.everything)
    }

    @Test func randomValuesGoRound() throws {
        var random = SeededRandom(seed: 2)
        func value(_ depth: Int) -> AMF0Value {
            func object() -> AMF0Object {
                AMF0Object((0..<random.number(0...3)).map { .init(name: "n\($0)", value: value(depth + 1)) })
            }
            switch random.number(0...(depth < 6 ? 9 : 5)) {
            case 0: return .number(Double(random.number(-1000...1000)) / 8)
            case 1: return .boolean(random.number(0...1) == 1)
            case 2: return .string(String(repeating: "ü", count: random.number(0...20)))
            case 3: return .null
            case 4: return .undefined
            case 5: return .longString(String(repeating: "x", count: random.number(0...20)))
            case 6: return .object(object())
            case 7: return .ecmaArray(object())
            case 8: return .typedObject(className: "C", object())
            default: return .strictArray((0..<random.number(0...3)).map { _ in value(depth + 1) })
            }
        }
        for _ in 0..<300 {
            let values = (0..<random.number(1...4)).map { _ in value(0) }
            #expect(try AMF0Decoder.decodeAll(AMF0Encoder.encode(values), limits: .init(values: 100_000)) == values)
        }
    }

    @Test func aStringOver64KiBIsWrittenLong() throws {
        let text = String(repeating: "a", count: 70_000)
        #expect(try AMF0Decoder.decodeAll(AMF0Encoder.encode([.string(text)])) == [.longString(text)])
    }

    @Test func everyTruncatedPrefixIsAnErrorOrAShorterReading() throws {
        let bytes = AMF0Encoder.encode(Self.everything).bytes
        for length in 0..<bytes.count {
            do throws(AMF0Error) {
                #expect(try self.decode(Array(bytes[..<length])).count <= Self.everything.count)
            } catch {
                #expect(error == .truncated)
            }
        }
    }

    @Test(arguments: [
        "00", "01", "02", "0200", "020005 61", "03 0001", "03 0001 61", "03 0001 61 02", "07 00", "08 000000", "0a 0000", "0b 00",
        "0c 00000010 61", "0f 7fffffff", "10 00ff", "11", "11 04 ff", "11 06 09 61",
    ])
    func loneMarkersAndShortLengthsAreTruncated(bytes: String) {
        #expect(throws: AMF0Error.truncated) { try self.decode(hex(bytes)) }
    }

    @Test(arguments: ["04", "09", "0e", "12", "ff"])
    func unknownMarkersAreNamed(bytes: String) {
        #expect(throws: AMF0Error.unknownMarker(hex(bytes)[0])) { try self.decode(hex(bytes)) }
    }

    @Test func aStrictArraysCountIsNotBelieved() {
        #expect(throws: AMF0Error.truncated) { try self.decode(hex("0a 30303030 05 05 05")) }
        #expect(throws: AMF0Error.truncated) { try self.decode(hex("0a ffffffff")) }
    }

    @Test func anECMAArraysCountIsAHint() throws {
        #expect(try self.decode(hex("08 30303030 0001 61 05 000009")) == [.ecmaArray(["a": .null])])
        #expect(try self.decode(hex("08 00000000 0001 61 05 000009 05")) == [.ecmaArray(["a": .null]), .null])
    }

    @Test(arguments: ["08 00000001 0001 61 05", "03 0001 61 05"])
    func aMissingEndMarkerEndsWithTheBytes(bytes: String) throws {
        #expect(try self.decode(hex(bytes)).map(\.object) == [["a": .null]])
    }

    @Test(arguments: ["03 0001 61", "08 00000001 0001 61", "0a 00000001", "10 0000 0001 61"])
    func nestingIsLimited(opening: String) {
        let bytes = (0..<100).flatMap { _ in hex(opening) }
        #expect(throws: AMF0Error.tooDeep(limit: 32)) { try self.decode(bytes) }
    }

    @Test func theNumberOfValuesIsLimited() {
        #expect(throws: AMF0Error.tooManyValues(limit: 4096)) { try self.decode([UInt8](repeating: 5, count: 4097)) }
        #expect(throws: AMF0Error.tooManyValues(limit: 4096)) { try self.decode(hex("0a 00001000") + [UInt8](repeating: 5, count: 4096)) }
    }

    @Test func theSizeIsLimited() {
        #expect(throws: AMF0Error.tooLarge(bytes: 262_145, limit: 262_144)) { try self.decode([UInt8](repeating: 5, count: 262_145)) }
    }

    @Test func bytesThatAreNoUTF8AreReplaced() throws {
        #expect(try self.decode(hex("02 0002 61ff")) == ["a\u{FFFD}"])
    }

    @Test(arguments: [
        ("11 00", AMF0Value.undefined), ("11 01", .null), ("11 02", false), ("11 03", true), ("11 04 05", 5), ("11 04 8100", 128),
        ("11 04 ffffffff", -1), ("11 05 3ff0000000000000", 1), ("11 06 05 6869", "hi"), ("11 06 00", .undefined),
    ])
    func simpleAMF3ValuesAreRead(bytes: String, value: AMF0Value) throws {
        #expect(try self.decode(hex(bytes) + [0x05]) == [value, .null])
    }

    @Test func otherAMF3ValuesEndTheReading() throws {
        #expect(try self.decode(hex("05 11 0a 0b 01 05")) == [.null, .undefined])
    }

    @Test func repeatedNamesKeepTheirOrderAndTheFirstCounts() throws {
        let object = try #require(try self.decode(hex("03 0001 61 05 0001 61 06 000009")).first?.object)
        #expect(object["a"] == .null)
        #expect(object.properties.count == 2)
    }
}
