import Gateways
import Logging
import Media
import Store
import Synchronization

/// Finds out how long the files of playlists are, in the background, and writes it down. Owned by `BroadcastService`.
final class ItemDurations: Sendable {
    /// URLs that are looked at before what was found is written down.
    static let batch = 16

    private struct State {
        /// By broadcast, in order.
        var pending: [String: [String]] = [:]
        var tasks: [String: Task<Void, Never>] = [:]
        var isFinished = false
    }

    let database: Database
    let planner: PullPlanner
    let line: ProbeLine
    let logger: Logger
    private let state = Mutex(State())

    init(database: Database, planner: PullPlanner, line: ProbeLine, logger: Logger) {
        self.database = database
        self.planner = planner
        self.line = line
        self.logger = logger
    }

    /// What the API shows for a probe (contract 1.14): milliseconds, or why they are not known.
    static func milliseconds(of result: Result<SourceProbe, PullFailure>) -> Int64 {
        switch result {
        case .success(let probe): probe.duration.map { max(0, $0.milliseconds) } ?? -1
        case .failure(let failure): failure.cause == .nothingToPlay ? -3 : -2
        }
    }

    static func isFile(_ item: PlayListItem) -> Bool { item.type == BroadcastType.vod.rawValue && !(item.streamUrl ?? "").isEmpty }

    /// Looks at these URLs of a playlist. Returns at once.
    func find(_ urls: [String], of id: String) {
        guard !urls.isEmpty else { return }
        self.state.withLock { state in
            guard !state.isFinished else { return }
            let present = Set(state.pending[id] ?? [])
            state.pending[id, default: []] += urls.filter { !present.contains($0) }
            guard state.tasks[id] == nil else { return }
            // Ends by itself, when all have been looked at; cancelled by `finish`.
            state.tasks[id] = Task { await self.run(id) }
        }
    }

    /// Looks at nothing any more; what is being looked at is not waited for.
    func finish() {
        let tasks = self.state.withLock { state in
            state.isFinished = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    private func run(_ id: String) async {
        var known: [String: Int64] = [:]
        while let urls = self.nextBatch(of: id), !Task.isCancelled {
            await withTaskGroup(of: (String, Int64).self) { group in
                for url in urls where known[url] ?? -1 < 0 { group.addTask { (url, await self.duration(of: url)) } }
                for await (url, duration) in group { known[url] = duration }
            }
            guard !Task.isCancelled else { return }
            await self.store(known, of: id)
        }
    }

    /// What is still in the list, and nil when no more is to be looked at.
    private func nextBatch(of id: String) -> Set<String>? {
        let batch = self.state.withLock { state -> ArraySlice<String>? in
            guard let pending = state.pending[id], !pending.isEmpty, !state.isFinished else {
                state.pending[id] = nil
                state.tasks[id] = nil
                return nil
            }
            state.pending[id] = Array(pending.dropFirst(Self.batch))
            return pending.prefix(Self.batch)
        }
        guard let batch else { return nil }
        do {
            let listed = Set(try self.database.broadcasts.find(id)?.playlist.items?.compactMap(\.streamUrl) ?? [])
            return listed.intersection(batch)
        } catch {
            self.logger.error("broadcast not read", metadata: ["stream": "\(id)", "error": "\(error)"])
            return []
        }
    }

    private func store(_ durations: [String: Int64], of id: String) async {
        do {
            try await self.database.broadcasts.update(id) { record in
                guard var items = record.playlist.items else { return }
                for index in items.indices where Self.isFile(items[index]) {
                    if let duration = durations[items[index].streamUrl ?? ""] { items[index].durationInMs = duration }
                }
                record.playlist.items = items
            }
        } catch {
            self.logger.error("durations not stored", metadata: ["stream": "\(id)", "error": "\(error)"])
        }
    }

    private func duration(of url: String) async -> Int64 {
        if !SourceURL.isValid(url), let vod = self.planner.library(url), vod.duration > 0 { return vod.duration }
        guard !Task.isCancelled, let item = self.planner.item(url, type: BroadcastType.vod.rawValue), self.planner.refusal(item) == nil else {
            return -2
        }
        return Self.milliseconds(of: await self.line.look(at: item))
    }
}
