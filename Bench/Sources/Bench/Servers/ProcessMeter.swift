import Glibc

/// What one process has used so far.
struct ProcessMeter {
    struct Memory {
        /// Bytes, proportional set size: shared pages are divided among those that share them.
        var proportional: Double
        /// Bytes of memory that is no file's.
        var anonymous: Double
    }

    let identifier: pid_t

    /// Seconds of CPU of all threads, also ended ones: utime + stime of /proc/PID/stat, but to the nanosecond instead of 10 ms.
    func cpuSeconds() throws(LoadFailure) -> Double {
        // The id of another process's CPU clock as Linux builds it (include/linux/posix-timers.h: CPUCLOCK_SCHED).
        let clock = clockid_t(bitPattern32: (~self.identifier << 3) | 2)
        let value = nanoseconds(of: clock)
        guard value > 0 else { throw .server("a process being measured has ended") }
        return Double(value) / 1e9
    }

    func memory() throws(LoadFailure) -> Memory {
        let rollup = try FileBytes.text("/proc/\(self.identifier)/smaps_rollup")
        let status = try FileBytes.text("/proc/\(self.identifier)/status")
        guard let proportional = Self.kibibytes("Pss:", in: rollup), let anonymous = Self.kibibytes("RssAnon:", in: status) else {
            throw .server("the memory of a process being measured cannot be read")
        }
        return Memory(proportional: proportional * 1024, anonymous: anonymous * 1024)
    }

    func threads() throws(LoadFailure) -> Int {
        let status = try FileBytes.text("/proc/\(self.identifier)/status")
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Threads:") }),
            let count = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).last.flatMap({ Int($0) })
        else { throw .server("the threads of a process being measured cannot be counted") }
        return count
    }

    /// Of several processes together; all of them must still run.
    static func cpuSeconds(of meters: [ProcessMeter]) throws(LoadFailure) -> Double {
        var sum = 0.0
        for meter in meters { sum += try meter.cpuSeconds() }
        return sum
    }

    static func ownCPUSeconds() -> Double { Double(nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID)) / 1e9 }

    /// Seconds in which the machine's cores did something, and what others than this machine took of them.
    static func machineSeconds() throws(LoadFailure) -> (busy: Double, stolen: Double) {
        let line = try FileBytes.text("/proc/stat").prefix { $0 != "\n" }
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { throw .malformed("/proc/stat") }
        let perSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ((ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / perSecond, ticks[7] / perSecond)
    }

    private static func kibibytes(_ name: String, in text: String) -> Double? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) }
    }
}

extension clockid_t {
    fileprivate init(bitPattern32 value: Int32) { self = clockid_t(value) }
}
