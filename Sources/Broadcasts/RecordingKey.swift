import Outputs

/// Which of a broadcast's recordings: there is one of each height and format at most.
struct RecordingKey: Hashable {
    /// Of the rendition, in pixels; 0 for the stream as published.
    var height: Int
    var format: RecordingFormat
}
