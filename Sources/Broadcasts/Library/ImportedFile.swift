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

    /// How long it is, in milliseconds; 0 where it does not say.
    /// - Parameter path: below the library's folder.
    static func look(_ path: String, in folder: LibraryFolder, within limit: Duration, _ progress: JobProgress) -> Result<Int64, AVFailure> {
        guard let file = folder.resolve(path)?.path else { return .failure(.system("open file", errno: ENOENT)) }
        let ending = VodLibrary.fileExtension(of: path).lowercased()
        do throws(AVFailure) {
            // FFmpeg would open what a playlist names.
            guard ending != "m3u8" else { return .success(try Self.playlistLength(file)) }
            let probe = try FileCheck.run(path: file, formats: Self.formats[ending] ?? [], within: limit, interrupt: progress.interrupt)
            progress.set(1)
            return .success(max(0, probe.duration?.milliseconds ?? 0))
        } catch {
            return .failure(error)
        }
    }

    /// RFC 8216 §4.3.2.1: the sum of what its EXTINF tags say.
    private static func playlistLength(_ file: String) throws(AVFailure) -> Int64 {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system("open file", errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.longestPlaylist)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length) }
            guard count > 0 else { break }
            length += count
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
