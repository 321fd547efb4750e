import Media

/// The tracks that a publisher has announced. A container that says again what is known already, in other words, changes nothing.
struct AnnouncedTracks {
    private(set) var tracks: [Track] = []

    /// Those of `tracks` that are new or other ones than before, to be announced now.
    mutating func take(_ tracks: [Track]) -> [Track] {
        var changed: [Track] = []
        for track in tracks {
            if let index = self.tracks.firstIndex(where: { $0.id == track.id }) {
                guard !PullFeed.areInterchangeable(self.tracks[index], track) else { continue }
                self.tracks[index] = track
            } else {
                self.tracks.append(track)
            }
            changed.append(track)
        }
        return changed
    }

    /// Nothing comes of it any more. False when it was not announced.
    mutating func withdraw(_ id: TrackID) -> Bool {
        guard let index = self.tracks.firstIndex(where: { $0.id == id }) else { return false }
        self.tracks.remove(at: index)
        return true
    }
}
