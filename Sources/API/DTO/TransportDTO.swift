import Streams

/// How the way from the publisher fares, where its protocol knows: Martlet's own, the contract has only three numbers of it.
struct TransportDTO: JSONWritable {
    var figures: TransportFigures

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("rttMs", (self.figures.roundTrip * 10).rounded() / 10)
            writer.member("latencyMs", self.figures.latency)
            writer.member("bandwidth", self.figures.bandwidth)
            writer.member("packetsReceived", Int64(clamping: self.figures.packetsReceived))
            writer.member("packetsLost", Int64(clamping: self.figures.packetsLost))
            writer.member("packetsRecovered", Int64(clamping: self.figures.packetsRecovered))
            writer.member("packetsDropped", Int64(clamping: self.figures.packetsDropped))
        }
    }
}
