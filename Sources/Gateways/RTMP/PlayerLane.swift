import Media
import NIOCore

/// The players of one stream on one event loop. Confined to that loop.
///
/// Players that stand at the same cursor are given one shared buffer. Under load each player is served once per merge window; players are spread
/// over slots, so that their sends are spread over the window.
final class PlayerLane {
    private static let slotCount = 4
    /// With fewer players, spreading them costs more timers than it smooths.
    private static let playersWorthSpreading = 64
    /// About what one send is given; larger stretches follow when the socket has taken it.
    static let batchBytes = 256 << 10

    let eventLoop: any EventLoop
    private unowned let fanOut: StreamFanOut
    private let load: LoopLoad
    private var slots = [[RTMPPlayer]](repeating: [], count: PlayerLane.slotCount)
    private(set) var count = 0
    private var nextSlot = 0
    private var isTicking = false
    /// Something came since the last full round, so the ticking goes on.
    private var isDue = false

    init(eventLoop: any EventLoop, fanOut: StreamFanOut, load: LoopLoad) {
        self.eventLoop = eventLoop
        self.fanOut = fanOut
        self.load = load
    }

    func add(_ player: RTMPPlayer) {
        let slot = self.slots.indices.min { self.slots[$0].count < self.slots[$1].count } ?? 0
        player.slot = slot
        self.slots[slot].append(player)
        self.count += 1
        self.load.players += 1
        self.serve(player)
    }

    func remove(_ player: RTMPPlayer) {
        guard let index = self.slots[player.slot].firstIndex(where: { $0 === player }) else { return }
        self.slots[player.slot].swapAt(index, self.slots[player.slot].count - 1)
        self.slots[player.slot].removeLast()
        self.count -= 1
        self.load.players -= 1
    }

    /// New messages are in the log.
    func notify() {
        let window = self.load.window
        if window == .zero {
            self.flush(slots: 0..<PlayerLane.slotCount)
            return
        }
        self.isDue = true
        guard !self.isTicking else { return }
        self.isTicking = true
        self.scheduleTick(window)
    }

    private func scheduleTick(_ window: TimeAmount) {
        let spread = self.count >= PlayerLane.playersWorthSpreading
        let delay = spread ? TimeAmount.nanoseconds(window.nanoseconds / Int64(PlayerLane.slotCount)) : window
        let lane = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.scheduleTask(in: delay) { lane.value.tick(spread: spread) }
    }

    private func tick(spread: Bool) {
        if spread {
            self.flush(slots: self.nextSlot..<self.nextSlot + 1)
            self.nextSlot = (self.nextSlot + 1) % PlayerLane.slotCount
        } else {
            self.flush(slots: 0..<PlayerLane.slotCount)
            self.nextSlot = 0
        }
        if self.nextSlot == 0 {
            guard self.isDue, self.count > 0 else {
                self.isTicking = false
                return
            }
            self.isDue = false
        }
        self.scheduleTick(max(self.load.window, .milliseconds(1)))
    }

    private func flush(slots range: Range<Int>) {
        var shared = SharedBatch()
        for slot in range {
            for player in self.slots[slot] { self.serve(player, shared: &shared) }
        }
    }

    /// One player by itself: it has just come, or its socket takes more again.
    func serve(_ player: RTMPPlayer) {
        var shared = SharedBatch()
        self.serve(player, shared: &shared)
    }

    /// The batch that was built last, kept while players stand at the same place.
    private struct SharedBatch {
        var cursor: Int?
        var batch: MessageLog.Batch?
    }

    private func serve(_ player: RTMPPlayer, shared: inout SharedBatch) {
        while player.canTakeMore {
            let batch: MessageLog.Batch
            if player.takesEverything {
                if let ready = shared.batch, shared.cursor == player.cursor {
                    batch = ready
                } else {
                    batch = self.fanOut.batch(from: player.cursor, limit: PlayerLane.batchBytes)
                    shared.cursor = player.cursor
                    shared.batch = batch
                }
            } else {
                let wanted = player.wanted
                batch = self.fanOut.batch(from: player.cursor, limit: PlayerLane.batchBytes, including: wanted)
            }
            guard case .bytes(let bytes, let next, let isStart, let isLast) = batch else { return }
            player.give(bytes, next: next, isStart: isStart)
            self.load.sentBytes &+= UInt64(bytes.readableBytes)
            if isLast { return }
        }
    }
}
