/// What is given out below `streams/`, by the ending of the name. Anything else, unfinished recordings (`.tmp_extension`) above all, does not exist.
enum MediaType {
    static let playlist = "application/vnd.apple.mpegurl"
    static let manifest = "application/dash+xml"
    static let segment = "video/iso.segment"
    static let mp4 = "video/mp4"

    static func ofFile(_ path: String) -> String? {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        return switch path[path.utf8.index(after: dot)...].lowercased() {
        case "mp4", "m4v": self.mp4
        case "m4a": "audio/mp4"
        case "mp3": "audio/mpeg"
        case "webm": "video/webm"
        case "mkv": "video/x-matroska"
        case "mov": "video/quicktime"
        case "flv": "video/x-flv"
        case "avi": "video/x-msvideo"
        case "wmv": "video/x-ms-wmv"
        case "ts": "video/MP2T"
        case "m3u8": self.playlist
        case "mpd": self.manifest
        case "m4s": self.segment
        case "vtt": "text/vtt"
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "webp": "image/webp"
        default: nil
        }
    }
}
