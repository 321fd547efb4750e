import NIOCore
import Packaging

/// A request that is answered when what it wants has been made (RFC 8216bis §6.2.5.2, §6.2.6). It is a promise in a list and nothing else: no thread,
/// no timer.
struct BlockedRequest: Sendable {
    enum Wanted: Sendable {
        case playlist(DeliveryDirectives)
        case part(segment: UInt64, index: Int)
        case segment(UInt64)
        /// As `part`, whether a playlist may list it or not.
        case chunk(segment: UInt64, index: Int)

        func isServable(_ playlist: LowLatencyPlaylist) -> Bool {
            switch self {
            case .playlist(let directives): playlist.answer(directives) != .later
            case .part(let segment, let index): playlist.hint.map { $0.segment > segment || ($0.segment == segment && $0.part > index) } ?? true
            case .segment(let number): playlist.media.entries.last.map { $0.number >= number } ?? false
            case .chunk(let segment, let index): playlist.next.map { $0.segment > segment || ($0.segment == segment && $0.part > index) } ?? true
            }
        }

        /// Whether it comes next; anything further away is not waited for.
        func isExpected(_ playlist: LowLatencyPlaylist) -> Bool {
            switch self {
            case .playlist: true
            case .part(let segment, let index): playlist.hint.map { $0 == (segment, index) } ?? false
            case .segment(let number): !playlist.media.isEnded && playlist.media.entries.last.map { $0.number + 1 == number } ?? false
            case .chunk(let segment, let index): playlist.next.map { $0 == (segment, index) } ?? false
            }
        }
    }

    enum Outcome: Sendable, Equatable {
        /// Or it is known that it does not come.
        case there
        case tooLate
    }

    /// Of one run; who comes when there are so many is told to come again.
    static let limit = 50_000

    var wanted: Wanted
    var deadline: NIODeadline
    var eventLoop: any EventLoop
    var promise: EventLoopPromise<Outcome>

    /// One hop to each event loop, however many wait on it.
    static func answer(_ requests: [BlockedRequest], _ outcome: Outcome) {
        guard !requests.isEmpty else { return }
        let byLoop = Dictionary(grouping: requests) { ObjectIdentifier($0.eventLoop) }
        for requests in byLoop.values {
            requests[0].eventLoop.execute {
                for request in requests { request.promise.succeed(outcome) }
            }
        }
    }
}
