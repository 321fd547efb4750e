import AV
import Logging
public import Outputs
import Store

/// Makes the pictures of VoDs, one file after the other, on a thread that stands back for all others. Who asks for what is being made waits for that.
/// Owned by `BroadcastService`.
actor VodPictureMaker {
    private struct Job: Hashable {
        var id: String
        var kind: VodPictures.Kind
    }

    private struct Work {
        var task: Task<Bool, Never>
        var interrupt: Interrupt
    }

    /// Files that may wait.
    private static let mostJobs = 256
    /// Of one file, once it is its turn.
    private static let timeLimit = Duration.seconds(120)
    /// Jobs that failed and are not tried again until the next start of the process.
    private static let mostFailed = 4_096

    private let database: Database
    private let dataDirectory: String
    /// Absolute.
    private let directory: String
    private let posterHeight: Int
    private let logger: Logger
    private let pool = BlockingPool(name: "martlet-posters", threads: 1, waiting: 512, niceness: 10)
    private var running: [Job: Work] = [:]
    private var failed: Set<Job> = []
    private var isFinished = false

    init(database: Database, dataDirectory: String, directory: String, posterHeight: Int, logger: Logger) {
        self.database = database
        self.dataDirectory = dataDirectory
        self.directory = directory
        self.posterHeight = posterHeight
        self.logger = logger
    }

    /// Whether they are there when this returns.
    func make(_ kind: VodPictures.Kind, of id: String) async -> Bool {
        let job = Job(id: id, kind: kind)
        if let work = self.running[job] { return await work.task.value }
        guard !self.isFinished, !self.failed.contains(job), VodPictures.isID(id), self.running.count < Self.mostJobs else { return false }
        guard let path = self.path(of: id) else { return false }
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

    private func run(_ job: Job, _ path: String, _ interrupt: Interrupt) async -> Bool {
        let failure = await self.draw(job, path, interrupt)
        self.running[job] = nil
        if let failure {
            // What is the moment's fault may be better next time.
            if ![.cancelled, .noSpace, .outOfMemory].contains(failure.cause) {
                self.logger.warning("no pictures of a VoD", metadata: ["vod": "\(job.id)", "kind": "\(job.kind)", "reason": "\(failure)"])
                if self.failed.count >= Self.mostFailed { self.failed.removeAll() }
                self.failed.insert(job)
                if job.kind == .poster { await self.store(nil, job.id) }
            }
            return false
        }
        // It may have been deleted meanwhile.
        guard self.path(of: job.id) != nil else {
            let directory = self.directory
            self.pool.execute { VodPictures.remove(job.id, in: directory) }
            return false
        }
        if job.kind == .poster { await self.store(Self.previewPath(of: job.id), job.id) }
        return true
    }

    /// What `VodRecord.previewPath` has for it.
    static func previewPath(of id: String) -> String { "previews/" + VodPictures.name(.poster, of: id) }

    private func draw(_ job: Job, _ path: String, _ interrupt: Interrupt) async -> AVFailure? {
        do throws(BlockingPool.Refusal) {
            return try await self.pool.run { [directory, posterHeight] () -> AVFailure? in
                if !interrupt.isCancelled { interrupt.arm(within: Self.timeLimit) }
                do throws(AVFailure) {
                    try VodPictures.make(job.kind, of: path, as: job.id, in: directory, posterHeight: posterHeight, interrupt: interrupt)
                    return nil
                } catch {
                    return error
                }
            }
        } catch {
            return AVFailure(cause: .cancelled, operation: "make pictures", text: "too many wait")
        }
    }

    /// Absolute; nil when there is no such VoD, or its file is not where ours are.
    private func path(of id: String) -> String? {
        do {
            guard let path = try self.database.vods.find(id)?.filePath, VodFile.path(belowStreams: path) != nil else { return nil }
            return self.dataDirectory + "/" + path
        } catch {
            self.logger.error("vod not read", metadata: ["vod": "\(id)", "error": "\(error)"])
            return nil
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
    /// by recording. False: there is no such VoD, no picture in it, or too much else to do.
    @discardableResult
    public func makePictures(_ kind: VodPictures.Kind, ofVod id: String) async -> Bool { await self.pictures.make(kind, of: id) }
}
