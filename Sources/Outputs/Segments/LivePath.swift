/// A path below `/{app}/streams/` as live HLS and DASH read it. Made once for what players ask for over and over, so it holds all that a path tells.
public struct LivePath: Sendable {
    enum Name: Sendable, Equatable {
        /// `{id}.m3u8`; of a name that ends so, also whose rendition's or multivariant playlist it may be.
        case playlist(id: String, renditionOf: String?, adaptiveOf: String?)
        /// `ll-hls/{id}/{id}__master.m3u8`
        case lowLatencyMaster(id: String)
        /// `ll-hls/{id}/{id}.m3u8`, or with the name of a rendition's playlist.
        case lowLatency(id: String, rendition: String?)
        /// `{id}/{id}.mpd`
        case manifest(id: String)
        case piece(PieceName)
        /// Nothing of live HLS.
        case other
    }

    /// What comes before the last slash; empty when there is none.
    let folder: String
    /// Of a folder `ll-hls/{id}`.
    let lowLatencyID: String?
    let name: Name

    /// `path` is percent-decoded and free of `..`, e.g. `demo.m3u8` or `shows/demo.m3u8`.
    public init(_ path: String) {
        let bytes = path.utf8
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(path[..<$0]) } ?? ""
        let name = slash.map { path[bytes.index(after: $0)...] } ?? path[...]
        let lowLatencyID = folder.hasPrefix("ll-hls/") ? String(folder.dropFirst(7)) : nil
        self.folder = folder
        self.lowLatencyID = lowLatencyID
        self.name = Self.read(name, folder: folder, lowLatencyID: lowLatencyID)
    }

    private static func read(_ name: Substring, folder: String, lowLatencyID: String?) -> Name {
        if name.hasSuffix(".m3u8") {
            let stem = self.dropLast(5, of: name)
            guard let id = lowLatencyID else {
                return .playlist(
                    id: stem, renditionOf: self.renditionSource(of: stem),
                    adaptiveOf: stem.hasSuffix("_adaptive") ? self.dropLast(9, of: stem[...]) : nil)
            }
            if stem == id + "__master" { return .lowLatencyMaster(id: id) }
            if stem == id { return .lowLatency(id: id, rendition: nil) }
            return self.renditionSource(of: stem) == id ? .lowLatency(id: id, rendition: stem) : .other
        }
        if name.hasSuffix(".mpd") { return folder == self.dropLast(4, of: name) ? .manifest(id: folder) : .other }
        return PieceName(String(name)).map { .piece($0) } ?? .other
    }

    /// Of a text that ends with so many bytes of ASCII. By bytes, because characters have to be found first.
    private static func dropLast(_ count: Int, of text: Substring) -> String { String(Substring(text.utf8.dropLast(count))) }

    /// `{id}_{height}p{kbps}kbps`: whose rendition's playlist is called so. A broadcast may have such an id, too.
    public static func renditionSource(of name: String) -> String? {
        guard name.hasSuffix("kbps"), let bar = name.utf8.lastIndex(of: UInt8(ascii: "_")), bar > name.startIndex else { return nil }
        let numbers = name[name.index(after: bar)...].dropLast(4).split(separator: "p", omittingEmptySubsequences: false)
        let areNumbers = numbers.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }
        return numbers.count == 2 && areNumbers ? String(name[..<bar]) : nil
    }
}
