import Logging
import Media
import NIOCore
import NIOPosix
import Packaging
import Synchronization

/// The segments of one publish session that can be asked for: the newest in memory, older ones on disk, and those that have left the playlist for
/// as long as RFC 8216 §6.2.2 wants them kept.
///
/// A segment is on the disk before it leaves memory, and earlier when many ask for it over connections that a file leaves without being copied. When the disk does not keep up, at most `hardBytes` stay in memory; beyond that the oldest
/// are lost, and asking for them gives nothing.
final class SegmentShelf: Sendable {
    struct Limits: Sendable {
        /// Segments that stay in memory.
        var segments = 2
        /// Bytes that stay in memory; the newest segment does in any case.
        var bytes = 2 << 20
        var hardBytes: Int { max(self.bytes * 8, 32 << 20) }
    }

    private struct Shelved {
        var bytes: ByteBuffer?
        let byteCount: Int
        /// Of its parts, in order; together they are the segment.
        let partLengths: [Int]
        var isOnDisk = false
        var isBeingWritten = false
        /// Written because it is much asked for, not because it is to leave memory.
        var staysInMemory = false
        /// How often it was asked for by whom a file is cheaper to send to.
        var wishes = 0
        var expires: NIODeadline?
    }

    private struct State {
        var segments: [UInt64: Shelved] = [:]
        /// The parts, so far, of the segment that is being made.
        var open: (number: UInt64, parts: [ByteBuffer])?
        /// Ascending; what is in memory.
        var inMemory: [UInt64] = []
        var memoryBytes = 0
        var initSegments: [Int: InitSegment] = [:]
        var lost = 0
        var hasLogged = false
    }

    private static let initSegmentLimit = 128
    /// So many wishes for a segment of such a size put it on the disk. Sending a file takes an open and a close; sending memory takes a copy.
    private static let wishes = 4
    private static let wishedBytes = 128 << 10

    private let directory: SessionDirectory
    private let limits: Limits
    private let pool: NIOThreadPool
    private let logger: Logger
    private let state = Mutex(State())

    init(directory: SessionDirectory, limits: Limits, pool: NIOThreadPool, logger: Logger) {
        self.directory = directory
        self.limits = limits
        self.pool = pool
        self.logger = logger
    }

    // MARK: Filling

    func add(_ initSegment: InitSegment) {
        self.state.withLock { state in
            state.initSegments[initSegment.version] = initSegment
            // More versions than a window and what follows it can need: a publisher that changes its configuration with every keyframe.
            if state.initSegments.count > Self.initSegmentLimit, let oldest = state.initSegments.keys.min() { state.initSegments[oldest] = nil }
        }
    }

    /// A part of the segment after the last; served from here until its segment is whole.
    func add(part bytes: ByteBuffer, index: Int, number: UInt64) {
        self.state.withLock { state in
            if state.open?.number != number {
                self.closeOpen(&state)
                state.open = (number, [])
            }
            guard state.open?.parts.count == index else { return }
            state.open?.parts.append(bytes)
            state.memoryBytes += bytes.readableBytes
        }
    }

    private func closeOpen(_ state: inout State) {
        state.memoryBytes -= state.open?.parts.reduce(0) { $0 + $1.readableBytes } ?? 0
        state.open = nil
    }

    func add(segment bytes: ByteBuffer, partLengths: [Int] = [], number: UInt64) {
        let spill = self.state.withLock { state in
            self.closeOpen(&state)
            state.segments[number] = Shelved(bytes: bytes, byteCount: bytes.readableBytes, partLengths: partLengths)
            state.inMemory.append(number)
            state.memoryBytes += bytes.readableBytes
            while state.memoryBytes > self.limits.hardBytes, state.inMemory.count > 1 {
                self.letGo(state.inMemory[0], &state)
                state.lost += 1
            }
            return self.chooseSpill(&state, keeping: self.limits)
        }
        self.write(spill)
    }

    /// Everything goes to the disk; for a session that is kept after its end.
    func spillAll() {
        let spill = self.state.withLock { self.chooseSpill(&$0, keeping: nil) }
        self.write(spill)
    }

    private func chooseSpill(_ state: inout State, keeping limits: Limits?) -> [(UInt64, ByteBuffer)] {
        var staying = state.inMemory.count { state.segments[$0]?.isBeingWritten == false }
        var stayingBytes = state.inMemory.reduce(0) { sum, number in
            guard let shelved = state.segments[number], !shelved.isBeingWritten else { return sum }
            return sum + shelved.byteCount
        }
        var spill: [(UInt64, ByteBuffer)] = []
        for number in state.inMemory {
            if limits == nil { state.segments[number]?.staysInMemory = false }
            guard let shelved = state.segments[number], let bytes = shelved.bytes, !shelved.isBeingWritten else { continue }
            if let limits {
                guard staying > 1, staying > limits.segments || stayingBytes > limits.bytes else { break }
            }
            staying -= 1
            stayingBytes -= shelved.byteCount
            if shelved.isOnDisk {
                self.letGo(number, &state)
            } else {
                state.segments[number]?.isBeingWritten = true
                spill.append((number, bytes))
            }
        }
        return spill
    }

    private func write(_ spill: [(UInt64, ByteBuffer)]) {
        for (number, bytes) in spill {
            self.pool.submit { workState in
                guard case .active = workState else { return }
                do throws(SessionDirectory.Failure) {
                    if try self.directory.write(bytes, number: number) { self.isWritten(number) }
                } catch {
                    self.writeFailed(number, error)
                }
            }
        }
    }

    private func isWritten(_ number: UInt64) {
        let isStale = self.state.withLock { state in
            guard state.segments[number] != nil else { return true }  // expired meanwhile
            state.segments[number]?.isOnDisk = true
            if state.segments[number]?.staysInMemory == true {
                state.segments[number]?.isBeingWritten = false
                state.segments[number]?.staysInMemory = false
            } else {
                self.letGo(number, &state)
            }
            return false
        }
        if isStale { self.directory.remove([number]) }
    }

    /// It stays in memory and is tried again with the next segment; `hardBytes` bounds what may gather.
    private func writeFailed(_ number: UInt64, _ failure: SessionDirectory.Failure) {
        let isFirst = self.state.withLock { state in
            state.segments[number]?.isBeingWritten = false
            state.segments[number]?.staysInMemory = false
            defer { state.hasLogged = true }
            return !state.hasLogged
        }
        guard isFirst else { return }
        self.logger.warning("a live segment could not be written", metadata: ["call": "\(failure.call)", "errno": "\(failure.errno)"])
    }

    private func letGo(_ number: UInt64, _ state: inout State) {
        guard let shelved = state.segments[number], shelved.bytes != nil else { return }
        state.memoryBytes -= shelved.byteCount
        state.segments[number]?.bytes = nil
        state.segments[number]?.isBeingWritten = false
        state.inMemory.removeAll { $0 == number }
        if !shelved.isOnDisk { state.segments[number] = nil }
    }

    // MARK: Asking

    /// `wantsFile`: a file is cheaper to send to who asks, should there be one.
    func segment(_ number: UInt64, wantsFile: Bool = false) -> HLSBody? {
        let (body, wish): (HLSBody?, ByteBuffer?) = self.state.withLock { state in
            guard let shelved = state.segments[number] else { return (nil, nil) }
            guard wantsFile, shelved.byteCount >= Self.wishedBytes else {
                return (self.body(shelved, number, offset: 0, length: shelved.byteCount), nil)
            }
            if shelved.isOnDisk { return (.file(path: self.directory.filePath(number), offset: 0, length: shelved.byteCount), nil) }
            return (self.body(shelved, number, offset: 0, length: shelved.byteCount), self.countWish(for: number, &state))
        }
        if let wish { self.write([(number, wish)]) }
        return body
    }

    /// Under the lock. What to write, when it is wished for often enough. Only once: a disk that refuses is not asked again and again.
    private func countWish(for number: UInt64, _ state: inout State) -> ByteBuffer? {
        guard let shelved = state.segments[number], shelved.wishes < Self.wishes else { return nil }
        state.segments[number]?.wishes += 1
        guard shelved.wishes + 1 == Self.wishes, !shelved.isBeingWritten, let bytes = shelved.bytes else { return nil }
        state.segments[number]?.isBeingWritten = true
        state.segments[number]?.staysInMemory = true
        return bytes
    }

    func part(_ index: Int, of number: UInt64) -> HLSBody? {
        self.state.withLock { state in
            if let open = state.open, open.number == number {
                return open.parts.indices.contains(index) ? .memory(open.parts[index]) : nil
            }
            guard let shelved = state.segments[number], shelved.partLengths.indices.contains(index) else { return nil }
            let offset = shelved.partLengths[..<index].reduce(0, +)
            return self.body(shelved, number, offset: offset, length: shelved.partLengths[index])
        }
    }

    private func body(_ shelved: Shelved, _ number: UInt64, offset: Int, length: Int) -> HLSBody? {
        guard let bytes = shelved.bytes else { return .file(path: self.directory.filePath(number), offset: offset, length: length) }
        return bytes.getSlice(at: bytes.readerIndex + offset, length: length).map { .memory($0) }
    }

    func initSegment(_ version: Int) -> ByteBuffer? {
        self.state.withLock { $0.initSegments[version]?.bytes }
    }

    func tracks(ofInit version: Int) -> [Track]? {
        self.state.withLock { $0.initSegments[version]?.tracks }
    }

    var memoryBytes: Int { self.state.withLock { $0.memoryBytes } }
    /// Segments that were lost because the disk did not keep up.
    var lost: Int { self.state.withLock { $0.lost } }
    var count: Int { self.state.withLock { $0.segments.count } }

    // MARK: Emptying

    /// These have left the playlist and may go at `deadline`.
    func expire(_ numbers: [UInt64], at deadline: NIODeadline) {
        self.state.withLock { state in
            for number in numbers { state.segments[number]?.expires = deadline }
        }
    }

    func removeExpired(now: NIODeadline) {
        let onDisk = self.state.withLock { state in
            let due = state.segments.filter { $0.value.expires.map { $0 <= now } ?? false }
            for (number, shelved) in due {
                if shelved.bytes != nil {
                    state.memoryBytes -= shelved.byteCount
                    state.inMemory.removeAll { $0 == number }
                }
                state.segments[number] = nil
            }
            return due.filter(\.value.isOnDisk).map(\.key)
        }
        guard !onDisk.isEmpty else { return }
        self.pool.submit { workState in
            guard case .active = workState else { return }
            self.directory.remove(onDisk)
        }
    }

    func removeAll() {
        self.pool.submit { workState in
            guard case .active = workState else { return }
            self.removeFiles()
        }
    }

    /// Blocks: for the pool's threads.
    func removeFiles() {
        self.state.withLock { state in
            state.segments = [:]
            state.open = nil
            state.inMemory = []
            state.memoryBytes = 0
            state.initSegments = [:]
        }
        self.directory.removeAll()
    }
}
