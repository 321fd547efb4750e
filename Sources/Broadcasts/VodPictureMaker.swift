import AV
import Gateways
import Logging
public import Outputs
import Store

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Makes the pictures of VoDs, one file after the other, on a thread that stands back for all others. Who asks for what is being made waits for that.
/// Owned by `BroadcastService`.
actor VodPictureMaker {
    private struct Job: Hashable {
        var id: String
        var kind: VodPictures.Kind
    }

    private struct Work {
        var task: Task<VodPictures.Outcome, Never>
        var interrupt: Interrupt
    }

    /// Files that may wait.
    private static let mostJobs = 256
    /// Jobs that failed and are not tried again until the next start of the process.
    private static let mostFailed = 4_096
    /// How often what may be the moment's fault is tried.
    private static let mostTries = 3

    private let database: Database
    private let folder: LibraryFolder
    /// Absolute.
    private let directory: String
    private let posterHeight: Int
    /// For one file, once it is its turn.
    private let timeLimit: Duration
    private let logger: Logger
    private let pool = BlockingPool(name: "martlet-posters", threads: 1, waiting: 512, niceness: 10)
    private var running: [Job: Work] = [:]
    private var failed: Set<Job> = []
    /// Of jobs that were not finished in time, or whose file was not there.
    private var tries: [Job: Int] = [:]
    private var isFinished = false

    /// - Parameter folder: of the library, whose rules say which files may be opened.
    init(
        database: Database, folder: LibraryFolder, directory: String, posterHeight: Int, timeLimit: Duration = .seconds(120), logger: Logger
    ) {
        self.database = database
        self.folder = folder
        self.directory = directory
        self.posterHeight = posterHeight
        self.timeLimit = timeLimit
        self.logger = logger
    }

    /// Returns when they are there, or it is known why not.
    func make(_ kind: VodPictures.Kind, of id: String) async -> VodPictures.Outcome {
        let job = Job(id: id, kind: kind)
        if let work = self.running[job] { return await work.task.value }
        guard VodPictures.isID(id), !self.failed.contains(job) else { return .none }
        guard !self.isFinished, self.running.count < Self.mostJobs else { return .unavailable }
        let path: String
        switch self.path(of: id) {
        case .success(let found?): path = found
        case .success(nil): return .none
        case .failure: return .unavailable
        }
        let interrupt = Interrupt()
        // Ends by itself, at the latest when the interrupt says so; `finish` has it say so.
        let task = Task { await self.run(job, path, interrupt) }
        self.running[job] = Work(task: task, interrupt: interrupt)
        return await task.value
    }

    /// Begins no more, and breaks off what is under way.
    func finish() {
        self.isFinished = true
        for work in self.running.values { work.interrupt.cancel() }
    }

    private func run(_ job: Job, _ path: String, _ interrupt: Interrupt) async -> VodPictures.Outcome {
        let failure = await self.draw(job, path, interrupt)
        self.running[job] = nil
        if let failure {
            guard !self.mayBeBetterNextTime(job, failure) else { return failure.cause == .noSuchFile ? .none : .unavailable }
            self.logger.warning("no pictures of a VoD", metadata: ["vod": "\(job.id)", "kind": "\(job.kind)", "reason": "\(failure)"])
            if self.failed.count >= Self.mostFailed { self.failed.removeAll() }
            self.failed.insert(job)
            if job.kind == .poster { await self.store(nil, job.id) }
            return .none
        }
        self.tries[job] = nil
        // It may have been deleted meanwhile.
        if case .success(nil) = self.path(of: job.id) {
            let directory = self.directory
            self.pool.execute { VodPictures.remove(job.id, in: directory) }
            return .none
        }
        if job.kind == .poster { await self.store(Self.previewPath(of: job.id), job.id) }
        return .made
    }

    /// What is the moment's fault. A file that takes too long or is not there is tried a few times: its disk may be busy, or not be mounted.
    private func mayBeBetterNextTime(_ job: Job, _ failure: AVFailure) -> Bool {
        switch failure.cause {
        case .cancelled, .noSpace, .outOfMemory: return true
        case .timedOut, .noSuchFile:
            let tries = self.tries.removeValue(forKey: job) ?? 0
            guard tries + 1 < Self.mostTries else { return false }
            if self.tries.count >= Self.mostFailed { self.tries.removeAll() }
            self.tries[job] = tries + 1
            return true
        case .permissionDenied, .invalidData, .unsupported, .library: return false
        }
    }

    /// What `VodRecord.previewPath` has for it.
    static func previewPath(of id: String) -> String { "previews/" + VodPictures.name(.poster, of: id) }

    private func draw(_ job: Job, _ path: String, _ interrupt: Interrupt) async -> AVFailure? {
        do throws(BlockingPool.Refusal) {
            return try await self.pool.run { [folder, directory, posterHeight, timeLimit] () -> AVFailure? in
                if !interrupt.isCancelled { interrupt.arm(within: timeLimit) }
                guard let file = folder.resolve(path)?.path else { return AVFailure.system("open file", errno: ENOENT) }
                do throws(AVFailure) {
                    try VodPictures.make(job.kind, of: file, as: job.id, in: directory, posterHeight: posterHeight, interrupt: interrupt)
                    return nil
                } catch {
                    return error
                }
            }
        } catch {
            return AVFailure(cause: .cancelled, operation: "make pictures", text: "too many wait")
        }
    }

    /// Below the library's folder; nil when there is no such VoD, or its file is not where ours are.
    private func path(of id: String) -> Result<String?, StoreError> {
        do throws(StoreError) {
            return .success(try self.database.vods.find(id)?.filePath.flatMap { VodFile.path(belowStreams: $0) })
        } catch {
            self.logger.error("vod not read", metadata: ["vod": "\(id)", "error": "\(error)"])
            return .failure(error)
        }
    }

    private func store(_ previewPath: String?, _ id: String) async {
        do {
            try await self.database.vods.setPreview(previewPath, of: id)
        } catch {
            self.logger.error("preview of a VoD not stored", metadata: ["vod": "\(id)", "error": "\(error)"])
        }
    }
}

extension BroadcastService {
    /// Makes the pictures of a VoD, in the background of everything else, and returns when they are there. Also for files that come in other ways than
    /// by recording.
    @discardableResult
    public func makePictures(_ kind: VodPictures.Kind, ofVod id: String) async -> VodPictures.Outcome {
        await self.pictures.make(kind, of: id)
    }
}
