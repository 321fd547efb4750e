import SRT
import Streams
import Synchronization

/// One connection of the gateway, a publisher's or a viewer's: its socket, why it has to go, and how it has fared.
final class SRTConnection: Sendable {
    enum Role: Sendable {
        case publisher
        case viewer
    }

    private struct State {
        var stop: PublishStop?
        var statistics = SRTStatistics()
    }

    let number: UInt64
    let role: Role
    /// The stream's id as the caller said it, shortened for log lines.
    let subject: String
    let socket: SRTSocket
    let meter = TransportMeter()
    private let state = Mutex(State())
    private let isAdmitted = Atomic<Bool>(false)

    init(number: UInt64, role: Role, subject: String, socket: SRTSocket) {
        self.number = number
        self.role = role
        self.subject = subject
        self.socket = socket
    }

    /// The gate has let it in: from now on it is one of its stream's.
    func admitted() { self.isAdmitted.store(true, ordering: .relaxed) }

    var wasAdmitted: Bool { self.isAdmitted.load(ordering: .relaxed) }

    /// Asks its thread to end it. From any thread; the first reason stays.
    func stop(_ reason: PublishStop) {
        self.state.withLock { $0.stop = $0.stop ?? reason }
    }

    var stopReason: PublishStop? { self.state.withLock { $0.stop } }

    /// As last looked at.
    var statistics: SRTStatistics { self.state.withLock { $0.statistics } }

    /// Asks libsrt, as long as it knows.
    func sample() {
        guard let new = self.socket.statistics() else { return }
        self.state.withLock { $0.statistics = new }
        guard self.role == .publisher else { return }
        var figures = TransportFigures()
        figures.roundTrip = new.roundTrip
        figures.bandwidth = Int(new.bandwidth.isFinite ? min(max(new.bandwidth, 0), 1e15) : 0)
        figures.latency = new.receiveLatency
        figures.packetsReceived = new.received
        figures.packetsLost = new.receivedLost
        figures.packetsRecovered = new.recovered
        figures.packetsDropped = new.receivedDropped
        self.meter.note(figures)
    }
}
