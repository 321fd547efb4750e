/// One stretch of steady running: what the server used in it, and what else went on on the machine.
struct Window {
    /// Of the server's process.
    let cpuSeconds: Double
    let seconds: Double
    /// What disturbs: CPU of the generator, of everything else, and the generator's own delay.
    let noise: [Metric: Double]

    static func measure(_ server: RunningServer, _ loop: LoadLoop, seconds: Double) throws(LoadFailure) -> Window {
        try Self.measure(server, loop) { () throws(LoadFailure) in try loop.run(seconds: seconds) }
    }

    /// The stretch is as long as the body takes.
    static func measure(_ server: RunningServer, _ loop: LoadLoop, _ body: () throws(LoadFailure) -> Void) throws(LoadFailure) -> Window {
        let latenessBefore = loop.lateness.count
        let start = monotonicNow()
        let machine = try ProcessMeter.machineSeconds()
        let own = ProcessMeter.ownCPUSeconds()
        let cpu = try server.meter.cpuSeconds()
        loop.records = true
        defer { loop.records = false }
        try body()
        let used = try server.meter.cpuSeconds() - cpu
        let ownUsed = ProcessMeter.ownCPUSeconds() - own
        let machineUsed = try ProcessMeter.machineSeconds()
        let elapsed = Double(monotonicNow() - start) / 1e9
        let others = machineUsed.busy - machine.busy - used - ownUsed + machineUsed.stolen - machine.stolen
        var noise: [Metric: Double] = [.serverCores: used / elapsed, .generatorCores: ownUsed / elapsed, .otherCores: max(0, others / elapsed)]
        noise[.latenessP99] = percentile(loop.lateness[latenessBefore...].map { Double($0) / 1000 }, 99)
        return Window(cpuSeconds: used, seconds: elapsed, noise: noise)
    }
}
