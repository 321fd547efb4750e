import NIOCore
import Testing

@testable import RTMP

@Suite struct RTMPCommandTests {
    @Test func aCommandGoesRound() throws {
        let sent = RTMPCommand("publish", transaction: 5, [.null, "key", "live"])
        #expect(try RTMPCommand(message(.commandAMF0, sent.payload.bytes)) == sent)
    }

    @Test func type17CarriesAMF0BehindAFormatByte() throws {
        let sent = RTMPCommand("createStream", transaction: 2, [.null])
        #expect(try RTMPCommand(message(.commandAMF3, [0] + sent.payload.bytes)) == sent)
        #expect(try RTMPCommand(message(.commandAMF3, sent.payload.bytes)) == sent)
    }

    @Test func aCommandMayLackItsTransaction() throws {
        let payload = AMF0Encoder.encode(["onBWDone", .null]).bytes
        #expect(try RTMPCommand(message(.commandAMF0, payload)) == RTMPCommand("onBWDone", [.null]))
    }

    @Test func aCommandWithoutANameIsAnError() {
        for payload in [[], AMF0Encoder.encode([5, "connect"]).bytes, AMF0Encoder.encode([.null]).bytes] {
            #expect(throws: RTMPError.commandWithoutName) { try RTMPCommand(message(.commandAMF0, payload)) }
        }
    }

    @Test func valuesOutOfRangeAreNil() {
        #expect(RTMPCommand("x", [.null]).value(1) == nil)
    }
}
