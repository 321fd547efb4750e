/// One stretch of steady running: what the server used in it, and what else went on on the machine.
struct Window {
    /// Of what is measured: a server's process, or several processes together.
    let cpuSeconds: Double
    let seconds: Double
    /// What disturbs: CPU of the generator, of everything else, and the generator's own delay.
    let noise: [Metric: Double]

    static func measure(_ server: RunningServer, _ loop: LoadLoop, seconds: Double) throws(LoadFailure) -> Window {
        try Self.measure([server.meter], load: [], loop, seconds: seconds)
    }

    static func measure(
        _ meters: [ProcessMeter], load: [ProcessMeter], _ loop: LoadLoop, seconds: Double
    ) throws(LoadFailure) -> Window {
        try Self.measure(meters, load: load, loop) { () throws(LoadFailure) in try loop.run(seconds: seconds) }
    }

    static func measure(
        _ server: RunningServer, _ loop: LoadLoop, _ body: () throws(LoadFailure) -> Void
    ) throws(LoadFailure) -> Window {
        try Self.measure([server.meter], load: [], loop, body)
    }

    /// The stretch is as long as the body takes.
    /// - Parameter load: processes that make the load together with this one.
    static func measure(
        _ meters: [ProcessMeter], load: [ProcessMeter], _ loop: LoadLoop, _ body: () throws(LoadFailure) -> Void
    ) throws(LoadFailure) -> Window {
        let latenessBefore = loop.lateness.count
        let start = monotonicNow()
        let machine = try ProcessMeter.machineSeconds()
        let own = try ProcessMeter.ownCPUSeconds() + ProcessMeter.cpuSeconds(of: load)
        let cpu = try ProcessMeter.cpuSeconds(of: meters)
        loop.records = true
        defer { loop.records = false }
        try body()
        let used = try ProcessMeter.cpuSeconds(of: meters) - cpu
        let ownUsed = try ProcessMeter.ownCPUSeconds() + ProcessMeter.cpuSeconds(of: load) - own
        let machineUsed = try ProcessMeter.machineSeconds()
        let elapsed = Double(monotonicNow() - start) / 1e9
        let others = machineUsed.busy - machine.busy - used - ownUsed + machineUsed.stolen - machine.stolen
        var noise: [Metric: Double] = [.serverCores: used / elapsed, .generatorCores: ownUsed / elapsed, .otherCores: max(0, others / elapsed)]
        noise[.latenessP99] = percentile(loop.lateness[latenessBefore...].map { Double($0) / 1000 }, 99)
        return Window(cpuSeconds: used, seconds: elapsed, noise: noise)
    }
}
