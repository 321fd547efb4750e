import Outputs
import Synchronization

/// What the paths of media mean. Players ask for the same few over and over, so what taking one apart has shown is kept.
final class MediaTargets: Sendable {
    /// An object, so that what is known is handed out with one count and no copies.
    final class Target: Sendable {
        /// Below `/{app}/streams/`, decoded.
        let path: String
        let live: LivePath
        /// Whose playlist this could be, if it is one.
        let broadcasts: [String]

        init(path: String) {
            self.path = path
            self.live = LivePath(path)
            self.broadcasts = DeliveryResponder.broadcasts(ofPlaylist: path)
        }
    }

    /// When there are so many, all are forgotten: whoever makes names up costs the others no more than finding out once more.
    private static let capacity = 1_024
    /// Bytes of a path that is kept.
    private static let longest = 256

    private let targets = Mutex<[String: Target]>([:])

    func known(_ path: String) -> Target? { self.targets.withLock { $0[path] } }

    func note(_ target: Target, of path: String) {
        guard path.utf8.count <= Self.longest else { return }
        self.targets.withLock { targets in
            if targets.count >= Self.capacity { targets.removeAll(keepingCapacity: true) }
            targets[path] = target
        }
    }
}
