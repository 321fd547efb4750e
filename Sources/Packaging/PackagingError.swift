public import Media

/// Why tracks cannot be packaged.
public enum PackagingError: Error, Sendable, Hashable {
    case noTracks
    /// A track's configuration record does not parse, so no sample entry can be written for it.
    case configuration(TrackID, MediaError)
}
