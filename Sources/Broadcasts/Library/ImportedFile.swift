import AV
import Gateways
import Media

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What a file of an imported directory holds. Blocks.
enum ImportedFile {
    private static let formats: [String: [String]] = ["mp4": ["mov"], "flv": ["flv"], "mkv": ["matroska"]]
    /// Bytes of a playlist that are read.
    private static let longestPlaylist = 1 << 20
    private static let piece = 64 << 10

    struct Found: Sendable, Equatable {
        /// 0 where it does not say.
        var durationMilliseconds: Int64
        /// A picture of it can be made.
        var hasPicture = false
    }

    /// - Parameter path: below the library's folder.
    static func look(_ path: String, in folder: LibraryFolder, within limit: Duration, _ progress: JobProgress) -> Result<Found, AVFailure> {
        guard let file = folder.resolve(path)?.path else { return .failure(.system("open file", errno: ENOENT)) }
        let ending = VodLibrary.fileExtension(of: path).lowercased()
        do throws(AVFailure) {
            // FFmpeg would open what a playlist names.
            guard ending != "m3u8" else { return .success(Found(durationMilliseconds: try Self.playlistLength(file, progress))) }
            let probe = try FileCheck.run(path: file, formats: Self.formats[ending] ?? [], within: limit, interrupt: progress.interrupt) {
                progress.set($0)
            }
            return .success(Found(durationMilliseconds: max(0, probe.duration?.milliseconds ?? 0), hasPicture: probe.hasPicture))
        } catch {
            return .failure(error)
        }
    }

    /// RFC 8216 §4.3.2.1: the sum of what its EXTINF tags say.
    private static func playlistLength(_ file: String, _ progress: JobProgress) throws(AVFailure) -> Int64 {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system("open file", errno: errno) }
        defer { close(descriptor) }
        let total = Double(max(1, min(WorkFile.size(file), Int64(Self.longestPlaylist))))
        var bytes = [UInt8](repeating: 0, count: Self.longestPlaylist)
        var length = 0
        while length < bytes.count {
            // Not all at once: it may be far away, and is told how far it is.
            let piece = min(Self.piece, bytes.count - length)
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: length), piece) }
            guard count > 0 else { break }
            length += count
            if progress.isCancelled { throw AVFailure(cause: .cancelled, operation: "read playlist", text: "cancelled") }
            progress.set(Double(length) / total)
        }
        let text = String(decoding: bytes.prefix(length), as: UTF8.self)
        guard text.hasPrefix("#EXTM3U") else { throw AVFailure(cause: .invalidData, operation: "read playlist", text: "no playlist") }
        var seconds = 0.0
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("#EXTINF:") {
            guard let duration = Double(line.dropFirst(8).prefix { $0 != "," }), duration > 0, duration < 86_400 else { continue }
            seconds += duration
        }
        return Int64((seconds * 1_000).rounded())
    }
}
