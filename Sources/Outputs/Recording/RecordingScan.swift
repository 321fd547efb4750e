import Glibc
import Media

/// How much of a recording's temporary file is whole: what a process that was killed, or a disk that was full, has left.
struct RecordingScan: Equatable {
    /// Bytes up to the end of the last fragment or cluster that is all there.
    var wholeBytes: Int64 = 0
    /// Those that are all there.
    var fragments = 0
    /// Empty, or begins as the files do that we write.
    var isOurs = false
    /// Of what is whole, where the container has no other place to say it.
    var duration: MediaTime?

    init() {}

    init(path: String, format: RecordingFormat) throws(RecordingFailure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RecordingFailure.system("open", path, errno: errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw RecordingFailure.system("read", path, errno: errno) }
        let length = Int64(status.st_size)
        switch format {
        case .mp4: self = FragmentScan(descriptor, length: length).result
        case .webM: self = ClusterScan(descriptor, length: length).result
        }
    }
}
