import AV
import Gateways
import Logging
import Store
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Directories of the host whose files become part of the library, and stay where they are (contract 1.23).
extension VodLibrary {
    /// Imported directories appear by their names right below `streams/`; these are taken.
    private static let reservedNames: Set<String> = ["ll-hls"]
    private static let longestDirectory = 4 << 10

    private enum Opened: Sendable {
        case found([DirectoryScan.Found], real: String)
        case failed(BroadcastError)
    }

    /// Makes VoDs of the media below a directory. Nothing is copied: a link in `streams/` leads there.
    /// - Returns: how many. What they hold is looked at afterwards, in the background.
    /// - Throws: `importNotAllowed`, `notADirectory`, `importNameTaken`, `importTooLarge`, `importNotLinked`, `libraryBusy`, `store`.
    public func importDirectory(_ directory: String) async throws(BroadcastError) -> Int {
        guard !self.configuration.importDirectories.isEmpty, let name = Self.linkName(of: directory) else {
            throw .importNotAllowed(below: self.configuration.importDirectories)
        }
        await self.turns.take("")
        defer { self.turns.pass("") }
        guard !self.isClosed else { throw .libraryBusy }
        let link = "\(self.streams)/\(name)"
        let opened = try await self.blocking { [folder = self.folder, limits = self.configuration.importLimits] in
            Self.open(directory, as: link, in: folder, limits, isCancelled: { self.isClosed })
        }
        switch opened {
        case .failed(let error):
            throw error
        case .found(let files, let real):
            let now = self.clock.wall()
            let vods = files.map { file in
                var vod = VodRecord(id: Self.newID(), streamID: name, kind: .imported, createdAt: now)
                vod.name = file.name
                vod.streamName = file.name
                vod.fileSize = file.bytes
                vod.filePath = "streams/\(name)/\(file.path)"
                vod.processStatus = VodProcess.queued.rawValue
                vod.processStartedAt = now
                return vod
            }
            do throws(StoreError) {
                try await self.database.vods.insert(vods)
            } catch {
                await self.drop(link)
                throw .store(error)
            }
            self.logger.info("directory imported", metadata: ["directory": "\(real)", "vods": "\(vods.count)"])
            self.lookAt(vods)
            return vods.count
        }
    }

    /// Undoes it: the VoDs and the link go, the files stay.
    /// - Returns: how many VoDs went.
    /// - Throws: `notADirectory` for what is not imported, `libraryBusy`, `store`.
    public func removeDirectory(_ directory: String) async throws(BroadcastError) -> Int {
        guard let name = Self.linkName(of: directory) else { throw .notADirectory(directory) }
        await self.turns.take("")
        defer { self.turns.pass("") }
        let link = "\(self.streams)/\(name)"
        // It may be gone, or not be there at the moment; its link is.
        let isOurs = try await self.blocking {
            guard let target = Self.target(of: link) else { return false }
            return target == Self.trimmed(directory) || LibraryFolder.real(directory).map { $0 == target || $0 == LibraryFolder.real(link) } ?? false
        }
        guard isOurs else { throw .notADirectory(directory) }
        let ids = try await stored { () async throws(StoreError) in try await self.database.vods.deleteImported(below: "streams/\(name)/") }
        for id in ids { self.jobs.cancel(id) }
        await self.drop(link)
        // After the rows: what is being made at the moment is then given up by its maker.
        await self.removePictures(of: ids)
        self.logger.info("directory no longer imported", metadata: ["directory": "\(directory)", "vods": "\(ids.count)"])
        return ids.count
    }

    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws(BroadcastError) -> Value {
        do throws(BlockingPool.Refusal) {
            return try await self.disk.run(work)
        } catch {
            throw .libraryBusy
        }
    }

    // MARK: Directories

    /// What a directory is called in the library; nil for what can never be imported.
    static func linkName(of directory: String) -> String? {
        let trimmed = self.trimmed(directory)
        guard directory.hasPrefix("/"), directory.utf8.count <= Self.longestDirectory, !directory.utf8.contains(0) else { return nil }
        let parts = trimmed.split(separator: "/")
        // What is a step upwards is decided when it is too late to name it.
        guard let name = parts.last, !parts.contains(".."), !parts.contains("."), name.utf8.count <= RecordingPlace.longestName else { return nil }
        return DirectoryScan.isPlain(String(name)) && !Self.reservedNames.contains(String(name)) ? String(name) : nil
    }

    private static func trimmed(_ directory: String) -> String {
        var text = directory[...]
        while text.count > 1, text.last == "/" { text.removeLast() }
        return String(text)
    }

    /// Blocks. Outside of what may be imported nobody learns what there is.
    private static func open(
        _ directory: String, as link: String, in folder: LibraryFolder, _ limits: ImportLimits, isCancelled: @escaping () -> Bool
    ) -> Opened {
        let isNamed = folder.importDirectories.contains { named in
            [Self.trimmed(named), LibraryFolder.real(named) ?? named].contains { directory == $0 || directory.hasPrefix($0 == "/" ? "/" : $0 + "/") }
        }
        guard isNamed else { return .failed(.importNotAllowed(below: folder.importDirectories)) }
        var status = stat()
        guard let real = LibraryFolder.real(directory), stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return .failed(.notADirectory(directory))
        }
        guard folder.mayBeImported(real) else { return .failed(.importNotAllowed(below: folder.importDirectories)) }
        let name = String(link[link.index(after: link.lastIndex(of: "/") ?? link.startIndex)...])
        guard lstat(link, &status) != 0 else { return .failed(.importNameTaken(name)) }
        do throws(DirectoryScan.Failure) {
            let files = try DirectoryScan.run(real, limits: .init(files: limits.files), isCancelled: isCancelled)
            guard symlink(real, link) == 0 else { return .failed(errno == EEXIST ? .importNameTaken(name) : .importNotLinked) }
            return .found(files, real: real)
        } catch {
            switch error {
            case .tooLarge: return .failed(.importTooLarge(limit: limits.files))
            case .cancelled: return .failed(.libraryBusy)
            }
        }
    }

    /// Where a link leads, as it says; nil when it is none.
    private static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { bytes in bytes.baseAddress.map { readlink(link, $0, bytes.count) } ?? 0 }
        }
        return count > 0 ? String(validating: buffer.prefix(count), as: UTF8.self) : nil
    }

    // MARK: Looking at what was imported

    /// How far the look at what was imported is; nothing of nothing when it is done.
    public struct ImportProgress: Sendable, Equatable {
        public var found = 0
        public var done = 0
    }

    public var importProgress: ImportProgress { self.looking.withLock { $0.progress } }

    /// Files that wait to be looked at, one after the other.
    struct Looking {
        var pending: ArraySlice<VodRecord> = []
        /// Since none waited.
        var progress = ImportProgress()
        /// Ends by itself when all have been looked at; after `close` with the file that it is at. The rest is looked at at the next start.
        var task: Task<Void, Never>?
        var isClosed = false
    }

    /// In the background.
    func lookAt(_ vods: [VodRecord]) {
        guard !vods.isEmpty else { return }
        self.looking.withLock { looking in
            guard !looking.isClosed else { return }
            looking.pending += vods
            looking.progress.found += vods.count
            guard looking.task == nil else { return }
            looking.task = Task {
                while let vod = self.nextToLookAt() {
                    await self.look(at: vod)
                    self.looking.withLock { $0.progress.done += 1 }
                }
            }
        }
    }

    private func nextToLookAt() -> VodRecord? {
        self.looking.withLock { looking in
            guard let next = looking.pending.popFirst() else {
                looking.task = nil
                looking.progress = ImportProgress()
                return nil
            }
            return next
        }
    }

    private func look(at vod: VodRecord) async {
        guard let path = vod.filePath.flatMap({ VodFile.path(belowStreams: $0) }) else { return }
        let result: Result<ImportedFile.Found, AVFailure>
        do throws(LibraryJobs.Refusal) {
            result = try await self.jobs.run(vod.id, begins: { await self.begin(vod.id) }) {
                [folder = self.folder, limit = self.configuration.checkTimeout] progress in
                ImportedFile.look(path, in: folder, within: limit, progress)
            }
        } catch .full {
            // It is in the library all the same; only its length stays unknown.
            await self.end(vod.id, as: .finished)
            return
        } catch {
            return
        }
        switch result {
        case .success(let found):
            await self.end(vod.id, as: .finished) { vod in
                vod.duration = found.durationMilliseconds
                if found.hasPicture { vod.previewPath = VodPictureMaker.previewPath(of: vod.id) }
            }
        case .failure(let failure):
            guard failure.cause != .cancelled else { return }
            self.logger.notice("imported file not read", metadata: ["vod": "\(vod.id)", "error": "\(failure)"])
            await self.end(vod.id, as: .failed)
        }
    }
}
