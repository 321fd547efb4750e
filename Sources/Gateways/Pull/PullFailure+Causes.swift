import AV
import Egress

extension PullFailure {
    /// libavformat's words, which never hold the URL; only where it has none that help, ours.
    init(_ failure: AVFailure) {
        switch failure.cause {
        case .timedOut: self.init(cause: .timedOut, text: "\(failure.operation): nothing came in time")
        case .cancelled: self.init(cause: .ended, text: "stopped")
        case .noSuchFile: self.init(cause: .notFound, text: failure.text)
        case .permissionDenied: self.init(cause: .refused, text: failure.text)
        case .invalidData: self.init(cause: .invalidData, text: failure.text)
        case .unsupported: self.init(cause: .nothingToPlay, text: failure.text)
        case .noSpace, .outOfMemory: self.init(cause: .other, text: failure.text)
        case .library: self.init(cause: Self.cause(of: failure.peer), text: failure.text)
        }
    }

    private static func cause(of peer: AVFailure.Peer?) -> Cause {
        switch peer {
        case .unauthorized: .unauthorized
        case .notFound: .notFound
        case .refused: .refused
        case .nameNotFound: .nameNotFound
        case .ended: .ended
        case nil: .other
        }
    }

    init(_ refusal: AddressRefusal) {
        switch refusal {
        case .nameNotFound: self.init(cause: .nameNotFound, text: refusal.description)
        case .schemeNotAllowed, .invalidURL, .addressNotAllowed: self.init(cause: .addressNotAllowed, text: refusal.description)
        }
    }
}
