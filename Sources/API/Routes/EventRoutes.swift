import Broadcasts
import HTTPTypes
import Logging
import Streams
import Synchronization

/// `/events`: what happens, as it happens. The same access as everywhere in the API; a page that cannot listen asks the other routes instead.
final class EventRoutes: Sendable {
    /// Broadcasts whose numbers one message holds at most.
    private static let most = 250

    private let service: BroadcastService
    private let feed: EventFeed
    private let logger: Logger
    private let isTicking = Mutex(false)

    init(service: BroadcastService, feed: EventFeed, logger: Logger) {
        self.service = service
        self.feed = feed
        self.logger = logger
    }

    var routes: [APIRoute] { [APIRoute(.get, "/events", self.listen)] }

    @Sendable private func listen(_ call: APICall) throws(APIFault) -> APIReply {
        guard self.feed.hasRoom else {
            return APIReply(.serviceUnavailable, ResultDTO(false, message: "Too many pages are listening already."))
        }
        var reply = APIReply()
        reply.events = EventAnswer(feed: self.feed, onListening: { self.startTicking() })
        return reply
    }

    /// One task for all listeners, which ends by itself when there are none; `EventFeed.close` sends them away.
    func startTicking() {
        let isFirst = self.isTicking.withLock { isTicking in
            defer { isTicking = true }
            return !isTicking
        }
        guard isFirst else { return self.tick() }
        Task {
            repeat {
                self.tick()
                do { try await Task.sleep(for: self.feed.configuration.interval) } catch { break }
            } while self.goesOn()
        }
    }

    private func goesOn() -> Bool {
        self.isTicking.withLock { isTicking in
            isTicking = self.feed.listenerCount > 0
            return isTicking
        }
    }

    /// Tells everybody how all that are live stand.
    func tick() {
        var views: [BroadcastView] = []
        for id in self.feed.liveIDs.prefix(Self.most) {
            do throws(BroadcastError) {
                if let view = try self.service.find(id), view.live != nil { views.append(view) }
            } catch {
                // The next tick tries again; what is wrong with one is wrong with all.
                self.logger.error("live numbers not read", metadata: ["stream": "\(id)", "error": "\(error)"])
                break
            }
        }
        self.feed.send(EventMessage.live(views, totals: self.service.totalViewers(), now: self.service.clock.wall()))
    }
}
