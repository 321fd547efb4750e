import Foundation

/// A small file that holds one secret, as containers and systemd hand them over.
enum SecretFile {
    private static let sizeLimit = 4096

    /// The text without the line break at its end; nil when it cannot be read, is too long or is not UTF-8.
    static func read(_ path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        let data: Data?
        do {
            data = try handle.read(upToCount: Self.sizeLimit + 1)
            try handle.close()
        } catch {
            return nil
        }
        guard var text = String(data: data ?? Data(), encoding: .utf8), text.utf8.count <= Self.sizeLimit else { return nil }
        while let last = text.last, last.isNewline { text.removeLast() }
        return text
    }
}
