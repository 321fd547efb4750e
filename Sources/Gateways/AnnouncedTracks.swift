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
}
