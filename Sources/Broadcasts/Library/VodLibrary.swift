import AV
import Gateways
import Logging
import Outputs
public import Store
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Brings files into the library: uploads, directories of the host, what live HLS has kept. Owned by `BroadcastService`.
///
/// A file that is being made lies below `streams/.uploads`, which nobody is shown, and gets its name when it is whole, has been looked at and is on
/// the disk. Its row is there while somebody works on it, with its state; see `VodProcess`.
public final class VodLibrary: Sendable {
    public struct Configuration: Sendable {
        /// Bytes of one uploaded file.
        public var maxUploadBytes: Int64 = 10_000_000_000
        /// With less free disk space than this after it nothing is taken in.
        public var minimumFreeBytes: Int64 = 100_000_000
        /// Uploads at one time.
        public var uploads = 4
        /// Directories of the host, absolute, below which others may be imported; empty: none.
        public var importDirectories: [String] = []
        public var importLimits = ImportLimits()
        /// How long a new file may be looked at.
        public var checkTimeout: Duration = .seconds(30)
        /// How long making a file may stand still.
        public var patience: Duration = .seconds(60)
        /// Between two tries to enter a file that is whole.
        var entryPauses = Insistence.pauses

        public init() {}
    }

    public struct ImportLimits: Sendable {
        /// Media files in one directory and all below it.
        public var files = 10_000

        public init() {}
    }

    /// What may be uploaded (contract 1.23), and what FFmpeg calls it. An mp4 that says it is a mov, or the other way round, plays all the same.
    static let containers: [String: [String]] = [
        "mp4": ["mov"], "mov": ["mov"], "webm": ["matroska"], "avi": ["avi"], "mp3": ["mp3"], "wmv": ["asf"],
    ]

    public let configuration: Configuration
    let database: Database
    let hls: any LivePackaging
    let clock: BroadcastClock
    let logger: Logger
    let jobs = LibraryJobs(most: 2, longest: 64)
    /// Absolute.
    let dataDirectory: String
    /// Nil: the server ends.
    let uploading = Mutex<Int?>(0)
    /// Imports and their undoing come one after the other.
    let turns = Turns()
    let looking = Mutex(Looking())
    /// For short looks at the disk, which must not wait for whole files being rewritten.
    let disk = BlockingPool(name: "martlet-disk", threads: 2, waiting: 256)

    init(
        configuration: Configuration, dataDirectory: String, database: Database, hls: any LivePackaging, clock: BroadcastClock, logger: Logger
    ) {
        self.configuration = configuration
        self.dataDirectory = dataDirectory
        self.database = database
        self.hls = hls
        self.clock = clock
        self.logger = logger
    }

    var folder: LibraryFolder { LibraryFolder(path: self.streams, importDirectories: self.configuration.importDirectories) }
    var streams: String { self.dataDirectory + "/streams" }
    var workshop: String { self.streams + "/.uploads" }
    var pictureDirectory: String { BroadcastService.Configuration.vodPictureDirectory(below: self.dataDirectory) }

    /// How much of the work on a VoD is done, 0…100; nil: nobody works on it.
    public func percent(of id: String) -> Int? { self.jobs.percent(of: id) }

    /// The file of a finished VoD, open; nil when there is none.
    public func reader(of vod: VodRecord) -> VodReader? {
        vod.filePath.flatMap { VodReader(path: "\(self.dataDirectory)/\($0)", pool: self.disk) }
    }

    // MARK: Start and end

    /// Clears up behind an earlier process: what it was still making is gone, and said to have failed; what was whole but not in its row yet is entered;
    /// what it had imported is looked at. Once, before anything else.
    func start() async throws(BroadcastError) {
        // Recordings that were being finished have notes, and are the ledger's to go on with.
        let noted = Set(try stored { () throws(StoreError) in try self.database.recordings.all().map(\.vodID) })
        let unfinished = try stored { () throws(StoreError) in try self.database.vods.unfinished().filter { !noted.contains($0.id) } }
        self.lookAt(unfinished.filter { $0.type == VodRecord.Kind.imported.rawValue })
        let own = unfinished.filter { $0.type != VodRecord.Kind.imported.rawValue }
        let places = own.map { self.place(of: $0) }
        let (workshop, pictures, limit) = (self.workshop, self.pictureDirectory, self.configuration.checkTimeout)
        var made: [WorkFile.Made?] = places.map { _ in nil }
        do throws(BlockingPool.Refusal) {
            made = try await self.disk.run {
                WorkFile.sweep(workshop)
                VodPictures.sweep(pictures)
                return places.map { place in place.flatMap { WorkFile.adopt($0, within: limit) } }
            }
        } catch {
            self.logger.warning("what is left of earlier uploads stays until the next start")
            return
        }
        for (vod, (place, made)) in zip(own, zip(places, made)) {
            if let place, let made {
                self.logger.notice("a file of an earlier process is entered", metadata: ["vod": "\(vod.id)"])
                await self.end(vod.id, as: .finished, pauses: []) { self.enter(made, at: place, in: &$0) }
            } else {
                await self.end(vod.id, as: .failed, pauses: [])
            }
        }
    }

    /// Takes nothing more, and ends what is under way.
    func close() {
        self.uploading.withLock { $0 = nil }
        self.jobs.close()
        self.looking.withLock { looking in
            looking.isClosed = true
            looking.pending = []
        }
    }

    /// After `close`, when nothing is under way any more but requests. A disk that does not answer, such as one behind a network that is gone, is not
    /// waited for any longer than `limit`; the file that it was asked for is looked at again at the next start.
    func finish(within limit: Duration = .seconds(5)) async {
        guard let task = self.looking.withLock({ $0.task }) else { return }
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        Task {
            await task.value
            end.yield(true)
        }
        let timeout = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            end.yield(false)
        }
        defer { timeout.cancel() }
        for await hasEnded in ends {
            if !hasEnded { self.logger.warning("an imported file is still being looked at") }
            return
        }
    }

    var isClosed: Bool { self.uploading.withLock { $0 == nil } }

    // MARK: Rows

    /// 24 digits, as the reference's ids of uploads are.
    static func newID() -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<24).map { _ in Character(Unicode.Scalar(UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator))) })
    }

    static func fileExtension(of name: String) -> String {
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return "" }
        return String(name[name.index(after: dot)...])
    }

    /// Where the file of an upload or a conversion goes; absolute.
    func place(of vod: VodRecord) -> String? {
        let ending = Self.fileExtension(of: vod.name ?? "")
        guard Self.containers[ending] != nil, vod.id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else { return nil }
        return "\(self.streams)/\(vod.id).\(ending)"
    }

    /// It is its turn. Only shown, so that it may fail.
    func begin(_ id: String) async {
        do throws(StoreError) {
            try await self.database.vods.update(id) { $0.processStatus = VodProcess.processing.rawValue }
        } catch {
            self.complain(id, error)
        }
    }

    /// As `enter`, for what the next start puts in order where it fails.
    /// - Parameter pauses: between two tries; nil: those of the settings.
    func end(
        _ id: String, as process: VodProcess, pauses: [Duration]? = nil, _ change: @escaping @Sendable (inout VodRecord) -> Void = { _ in }
    ) async {
        do throws(StoreError) {
            _ = try await self.enter(id, as: process, pauses: pauses ?? self.configuration.entryPauses, change)
        } catch {
            self.logger.error("the work on a vod is not noted as ended", metadata: ["vod": "\(id)"])
        }
    }

    /// Writes down how the work on a VoD ended. Where the store fails it is tried again for a while, whether the caller is cancelled or not.
    /// - Returns: the row as it is then; nil when it is gone.
    private func enter(
        _ id: String, as process: VodProcess, pauses: [Duration], _ change: @escaping @Sendable (inout VodRecord) -> Void
    ) async throws(StoreError) -> VodRecord? {
        let now = self.clock.wall()
        // Ends by itself, after the last try or at the first one after `close`: who has sent a file and left has sent it all the same.
        let entry = Task { () async -> Result<VodRecord?, StoreError> in
            do throws(StoreError) {
                let entered = try await Insistence.run(
                    pauses: pauses, isEnding: { self.isClosed }, onFailure: { self.complain(id, $0) },
                    { () async throws(StoreError) in
                        try await self.database.vods.update(id) { vod in
                            vod.processStatus = process.rawValue
                            vod.processEndedAt = now
                            change(&vod)
                        }
                    })
                return .success(entered)
            } catch {
                return .failure(error)
            }
        }
        return try await entry.value.get()
    }

    private func complain(_ id: String, _ error: StoreError) {
        self.logger.error("vod not written", metadata: ["vod": "\(id)", "error": "\(error)"])
    }

    private func enter(_ made: WorkFile.Made, at place: String, in vod: inout VodRecord) {
        vod.filePath = String(place.dropFirst(self.dataDirectory.utf8.count + 1))
        vod.duration = made.durationMilliseconds
        vod.fileSize = made.bytes
        if let start = made.startMilliseconds { vod.startedAt = start }
        // Made when somebody asks for it.
        if made.hasPicture { vod.previewPath = VodPictureMaker.previewPath(of: vod.id) }
    }

    /// A file that is whole becomes the VoD's, unless that was deleted meanwhile. Where the store fails for good the file stays, and the next start enters
    /// it.
    /// - Parameter work: makes the file and gives it its name; its length, or why it was not made.
    func finish(
        _ vod: VodRecord, _ work: @escaping @Sendable (JobProgress, String) -> Result<WorkFile.Made, AVFailure>
    ) async throws(BroadcastError) -> VodRecord {
        guard let place = self.place(of: vod) else { throw .vodExtensionUnsupported }
        let outcome: Result<WorkFile.Made, AVFailure>
        do throws(LibraryJobs.Refusal) {
            outcome = try await self.jobs.run(vod.id, begins: { await self.begin(vod.id) }) { work($0, place) }
        } catch {
            await self.forget(vod.id)
            throw .libraryBusy
        }
        switch outcome {
        case .success(let made):
            let finished: VodRecord?
            do throws(StoreError) {
                finished = try await self.enter(vod.id, as: .finished, pauses: self.configuration.entryPauses) {
                    self.enter(made, at: place, in: &$0)
                }
            } catch {
                self.logger.error("a whole file waits for the next start to be entered", metadata: ["vod": "\(vod.id)", "path": "\(place)"])
                throw .store(error)
            }
            guard let finished else {
                await self.drop(place)
                throw .unknownVod
            }
            self.logger.info("vod added", metadata: ["vod": "\(vod.id)", "type": "\(vod.type)", "bytes": "\(made.bytes)"])
            return finished
        case .failure(let failure):
            await self.forget(vod.id)
            self.logger.notice("vod not made", metadata: ["vod": "\(vod.id)", "type": "\(vod.type)", "error": "\(failure)"])
            throw failure.cause == .noSpace ? .libraryBusy : .mediaBroken(failure.text)
        }
    }

    func forget(_ id: String) async {
        do {
            _ = try await self.database.vods.delete(id)
        } catch {
            self.logger.error("vod not removed", metadata: ["vod": "\(id)", "error": "\(error)"])
        }
    }

    /// Removes what was made of VoDs that are no more.
    func removePictures(of ids: [String]) async {
        do throws(BlockingPool.Refusal) {
            try await self.disk.run { [pictureDirectory = self.pictureDirectory] in
                for id in ids { VodPictures.remove(id, in: pictureDirectory) }
            }
        } catch {
            self.logger.warning("pictures of VoDs are left behind", metadata: ["vods": "\(ids.count)"])
        }
    }

    /// Removes a file that nobody is to have.
    func drop(_ path: String) async {
        do throws(BlockingPool.Refusal) {
            try await self.disk.run { _ = unlink(path) }
        } catch {
            self.logger.error("file not removed", metadata: ["path": "\(path)"])
        }
    }
}
