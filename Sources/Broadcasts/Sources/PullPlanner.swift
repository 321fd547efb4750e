import Gateways
import Media
import Store

extension BroadcastType {
    /// Fetched by this server, and never published to.
    var isPulled: Bool {
        switch self {
        case .ipCamera, .streamSource, .vod, .playlist: true
        default: false
        }
    }
}

/// Makes of a stored broadcast what is to be pulled for it.
struct PullPlanner: Sendable {
    let refusal: @Sendable (PullItem) -> PullFailure?
    /// The finished file of a VoD, below the streams directory, by the VoD's id or by its path as the API shows it.
    let library: @Sendable (String) -> VodRecord?
    let normalisesPlaylists: Bool

    /// - Throws: `noSource`, `typeNotStartable`, `playlistEmpty`, `cameraUnreachable`, `sourceURLInvalid`, `nothingPlayable`, `listNotPlayable`.
    func plan(for record: BroadcastRecord) throws(BroadcastError) -> PullPlan {
        switch record.type {
        case .playlist: return try self.playlist(record)
        case .ipCamera: return PullPlan(id: record.id, content: .live(try self.allowed(self.camera(record))))
        case .streamSource:
            guard let url = Self.given(record.source.streamURL), SourceURL.isValid(url) else { throw self.missing(record) }
            return PullPlan(id: record.id, content: .live(try self.allowed(PullItem(url: url, isFile: SourceURL.looksLikeFile(url)))))
        case .vod:
            if let name = Self.given(record.source.streamURL), self.isList(name) { throw .listNotPlayable(name) }
            guard let name = Self.given(record.source.streamURL), var item = self.item(name, type: "VoD") else { throw self.missing(record) }
            item.start = MediaTime(milliseconds: Self.within(record.source.seekTime))
            return PullPlan(id: record.id, content: .sequence(PullSequence(items: [try self.allowed(item)], loops: true)))
        default: throw record.source.streamURL == nil ? .noSource : .typeNotStartable
        }
    }

    private func missing(_ record: BroadcastRecord) -> BroadcastError {
        Self.given(record.source.streamURL) == nil ? .noSource : .sourceURLInvalid
    }

    private func allowed(_ item: PullItem) throws(BroadcastError) -> PullItem {
        guard self.refusal(item) == nil else { throw .sourceURLInvalid }
        return item
    }

    private func camera(_ record: BroadcastRecord) throws(BroadcastError) -> PullItem {
        let address = record.source.ipAddress ?? ""
        let url: String
        if let given = Self.given(record.source.streamURL) {
            guard SourceURL.isValid(given) else { throw .sourceURLInvalid }
            url = given
        } else if SourceURL.isPullableCamera(address) {
            url = address
        } else {
            throw .cameraUnreachable(address: address, code: -1)
        }
        return PullItem(
            url: url, username: Self.given(record.source.username), password: Self.given(record.source.password), isFile: false)
    }

    private func playlist(_ record: BroadcastRecord) throws(BroadcastError) -> PullPlan {
        let listed = record.playlist.items ?? []
        guard !listed.isEmpty else { throw .playlistEmpty }
        // One that cannot be played keeps its place: an item's identity is its index. The pull passes over it.
        let items = listed.map { entry in
            var item = self.item(entry.streamUrl ?? "", type: entry.type) ?? PullItem(url: "", isFile: true)
            item.start = MediaTime(milliseconds: Self.within(entry.seekTimeInMs))
            return item
        }
        guard items.contains(where: { !$0.url.isEmpty && self.refusal($0) == nil }) else {
            if let list = listed.compactMap(\.streamUrl).first(where: { self.isList($0) }) { throw .listNotPlayable(list) }
            throw .nothingPlayable
        }
        let sequence = PullSequence(
            items: items, firstIndex: items.indices.contains(record.playlist.currentIndex) ? record.playlist.currentIndex : 0,
            loops: record.playlist.loops, normalises: self.normalisesPlaylists)
        return PullPlan(id: record.id, content: .sequence(sequence))
    }

    /// A URL, or a file of the library that is no list of others; nil when it is neither. What a client writes never becomes a path by itself.
    func item(_ name: String, type: String?) -> PullItem? {
        if SourceURL.isValid(name) { return PullItem(url: name, isFile: SourceURL.endsByItself(name, type: type)) }
        guard let path = self.library(name)?.filePath, !Self.isList(path: path), let below = VodFile.path(belowStreams: path) else { return nil }
        return PullItem(url: "vod:" + below, isFile: true)
    }

    /// Whether this stands for a file of the library that is a list of others, of which none is opened.
    func isList(_ name: String) -> Bool { !SourceURL.isValid(name) && self.library(name)?.filePath.map { Self.isList(path: $0) } ?? false }

    private static func isList(path: String) -> Bool { path.lowercased().hasSuffix(".m3u8") }

    /// Whether something may be stored to be fetched later: what could be fetched now is allowed, the rest is a mere name, which may come to stand
    /// for a file of the library.
    func mayBeStored(_ name: String, type: String?) -> Bool {
        if let item = self.item(name, type: type) { return self.refusal(item) == nil }
        return !name.contains(":") && SourceURL.isClean(name)
    }

    /// Clients send empty texts for members they never set.
    static func given(_ text: String?) -> String? {
        guard let text, !text.trimmed.isEmpty else { return nil }
        return text
    }

    /// Kept from overflowing further on; no file is a year long.
    static func within(_ milliseconds: Int64) -> Int64 { min(max(0, milliseconds), 366 * 86_400_000) }
}

extension PullPlan {
    /// Whether both fetch the same with the same credentials; where they begin and how they go on does not matter.
    func fetchesTheSame(as other: PullPlan) -> Bool {
        func sources(_ plan: PullPlan) -> [PullItem] {
            plan.items.map { item in
                var item = item
                item.start = .zero
                return item
            }
        }
        switch (self.content, other.content) {
        case (.live, .live), (.sequence, .sequence): return sources(self) == sources(other)
        default: return false
        }
    }

    var items: [PullItem] {
        switch self.content {
        case .live(let item): [item]
        case .sequence(let sequence): sequence.items
        }
    }

    var sequence: PullSequence? {
        if case .sequence(let sequence) = self.content { sequence } else { nil }
    }
}
