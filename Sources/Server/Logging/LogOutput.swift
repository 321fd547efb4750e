import Dispatch
import Glibc
import Synchronization

/// Takes finished log lines and writes them to a file descriptor, in order, on a queue of its own: a reader of the log that stalls holds up
/// nobody who logs.
///
/// At most `capacity` bytes wait; further lines are dropped and counted, and the next line that is taken comes with that count. `flush` and the
/// exit of the process wait for what is left, two seconds at most.
final class LogOutput: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var isDraining = false
        var dropped = 0
    }

    /// The process's log.
    static let standardError: LogOutput = {
        let output = LogOutput(descriptor: STDERR_FILENO)
        atexit { LogOutput.standardError.flush() }
        return output
    }()

    private static let patience = DispatchTimeInterval.seconds(2)

    private let descriptor: Int32
    private let capacity: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "martlet.log")

    init(descriptor: Int32, capacity: Int = 1 << 20) {
        self.descriptor = descriptor
        self.capacity = capacity
    }

    /// Takes one line, without its line break. `afterLoss` makes the line that tells how many were lost before it.
    func write(_ line: String, afterLoss: (Int) -> String) {
        let mustDrain = self.state.withLock { state in
            guard state.waiting.count + line.utf8.count < self.capacity else {
                state.dropped += 1
                return false
            }
            if state.dropped > 0 {
                state.waiting.append(contentsOf: afterLoss(state.dropped).utf8)
                state.waiting.append(0x0A)
                state.dropped = 0
            }
            state.waiting.append(contentsOf: line.utf8)
            state.waiting.append(0x0A)
            guard !state.isDraining else { return false }
            state.isDraining = true
            return true
        }
        if mustDrain { self.queue.async { self.drain() } }
    }

    /// Returns when everything logged before has been written, or after two seconds.
    func flush() {
        let done = DispatchSemaphore(value: 0)
        self.queue.async {
            self.drain()
            done.signal()
        }
        _ = done.wait(timeout: .now() + Self.patience)
    }

    /// On the queue.
    private func drain() {
        while true {
            let bytes = self.state.withLock { state in
                let taken = state.waiting
                state.waiting = []
                state.isDraining = !taken.isEmpty
                return taken
            }
            guard !bytes.isEmpty else { return }
            self.writeAll(bytes)
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(self.descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno == EAGAIN {
                    // Somebody made the descriptor non-blocking; wait until it takes more.
                    var wanted = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
                    guard poll(&wanted, 1, 1000) >= 0 || errno == EINTR else { return }
                } else if errno != EINTR {
                    return  // Nobody reads the log any more; there is no place left to say so.
                }
            }
        }
    }
}
