import HTTP
import NIOCore
import NIOHTTP1
import Testing

@testable import API

/// The event feed as a WebSocket.
@Suite struct EventSocketTests {
    private let feed = EventFeed(configuration: .init(listeners: 1))

    private var sockets: EventSockets {
        EventSockets(prefixes: ["/v2"], access: AccessRule(isAllowed: { $0 == "192.0.2.1" }, token: "secret"), feed: self.feed) {}
    }

    private func isAccepted(_ target: String, address: String = "192.0.2.1", fields: [(String, String)] = []) -> Int? {
        let request = ReadyRequest(method: .get, target: target, fields: .init(fields + [("Host", "here:5080")]), remoteAddress: address)
        return switch self.sockets.answer(request, protocols: []) {
        case nil: nil
        case .accept: 101
        case .refuse(let response): response.status
        }
    }

    @Test func theRuleOfAccessIsThatOfTheAPI() {
        #expect(self.isAccepted("/v2/events") == 101)
        #expect(self.isAccepted("/v2/events?x=1") == 101)
        #expect(self.isAccepted("/v2/other") == nil)
        #expect(self.isAccepted("/v2/events", address: "192.0.2.2") == 403)
        #expect(self.isAccepted("/v2/events", address: "192.0.2.2", fields: [("Authorization", "Bearer secret")]) == 101)
        #expect(self.isAccepted("/v2/events", fields: [("Origin", "http://here:5080")]) == 101)
        #expect(self.isAccepted("/v2/events", fields: [("Origin", "https://evil.example")]) == 403)
    }

    @Test func whoFindsNoRoomIsRefused() {
        let listener = self.feed.listen()
        #expect(listener != nil && self.isAccepted("/v2/events") == 503)
    }

    @Test func aMessageIsTheSameInBothForms() {
        let message = EventMessage.change(streamID: "de\"mo", action: "changed")
        let text = EventMessage.socketText(of: message).map { String(buffer: $0) }
        #expect(text == #"{"event":"change","data":{"streamId":"de\"mo","action":"changed"}}"#)
        #expect(EventMessage.socketText(of: EventMessage.welcome) == nil)
    }
}
