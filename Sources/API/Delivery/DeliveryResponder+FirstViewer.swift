import HTTP
import NIOCore
import Outputs

/// Viewers who come before their stream: a broadcast may be pulled only while somebody watches it (contract 3.6).
extension DeliveryResponder {
    /// Holds the request for a playlist until the source it starts is live, and asks live HLS then. Nil: there is nothing to wait for.
    ///
    /// A held request is a future and nothing else: no thread, no timer of its own. That of a client who leaves is dropped when it is answered, which
    /// is after `Hooks.startForViewer`'s time at the latest.
    func awaitSource(
        of broadcasts: [String], _ asked: HLSRequest, _ request: ReadyRequest, on eventLoop: any EventLoop
    ) -> ReadyAnswer? {
        for id in broadcasts {
            guard let live = self.hooks.startForViewer(id, eventLoop) else { continue }
            let response = live.hop(to: eventLoop).recover { _ in false }.flatMap { isLive -> EventLoopFuture<ReadyResponse> in
                guard isLive else { return eventLoop.makeSucceededFuture(DeliveryHeaders.notFound) }
                switch self.fromShelf(asked, request, on: eventLoop) {
                case .now(let response): return eventLoop.makeSucceededFuture(response)
                case .later(let future): return future.hop(to: eventLoop)
                // Gone again in the meantime.
                case nil: return eventLoop.makeSucceededFuture(DeliveryHeaders.notFound)
                }
            }
            return .later(response)
        }
        return nil
    }

    /// Which broadcasts a playlist or manifest of this path could be of: `a_adaptive.m3u8` is the multivariant playlist of `a`, and `a_480p900kbps.m3u8`
    /// that of a rendition of it, unless there is one with that very id. None for anything but a playlist.
    static func broadcasts(ofPlaylist path: String) -> [String] {
        let folders = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        guard let name = path.split(separator: "/", omittingEmptySubsequences: false).last else { return [] }
        if name.hasSuffix(".mpd") {
            let stem = name.dropLast(4)
            return !stem.isEmpty && folders.elementsEqual([stem]) ? [String(stem)] : []
        }
        guard name.hasSuffix(".m3u8") else { return [] }
        let stem = name.dropLast(5)
        guard !stem.isEmpty else { return [] }
        if folders.count == 2, folders.first == "ll-hls", let id = folders.last, !id.isEmpty {
            return stem == id || stem == id + "__master" || LivePath.renditionSource(of: String(stem)) == String(id) ? [String(id)] : []
        }
        if let id = LivePath.renditionSource(of: String(stem)) { return [String(stem), id] }
        guard stem.hasSuffix("_adaptive"), stem.utf8.count > 9 else { return [String(stem)] }
        return [String(stem), String(stem.dropLast(9))]
    }
}
