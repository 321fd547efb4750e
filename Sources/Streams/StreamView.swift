import Media

/// Which of a stream's tracks a reader gets.
public enum StreamView: Sendable {
    /// What every output can be made of.
    case universal
    /// The same, with sound that was converted on its way in replaced by the original of it, for containers that hold more codecs.
    case originals

    /// Those of `tracks`, the stream's all, that belong to the view.
    func selection(of tracks: [Track]) -> [Track] {
        let hasOriginal = Self.hasOriginal(in: tracks)
        return tracks.filter { self.shows($0.id, hasOriginal: hasOriginal) }
    }

    func shows(_ id: TrackID, hasOriginal: Bool) -> Bool {
        switch self {
        case .universal: id != .originalAudio
        case .originals: !(hasOriginal && id == .audio)
        }
    }

    static func hasOriginal(in tracks: [Track]) -> Bool { tracks.contains { $0.id == .originalAudio } }
}

extension StreamItem {
    /// Of a stream that has an original.
    func belongs(to view: StreamView) -> Bool {
        guard case .frame(let frame) = self else { return true }
        return view.shows(frame.track, hasOriginal: true)
    }
}
