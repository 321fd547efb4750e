import Gateways

/// SRT's part of the page.
extension ServerMetrics {
    func addSRT(_ text: inout PrometheusText, _ srt: SRTGateway.Statistics) {
        text.add(
            "srt_connections", .gauge, "SRT connections now.",
            [([("role", "publisher")], Double(srt.publishers)), ([("role", "viewer")], Double(srt.viewers))])
        text.add("srt_connections_total", .counter, "SRT connections accepted.", Double(srt.connectionsTotal))
        text.add(
            "srt_refused_total", .counter, "SRT publishers and viewers turned away, by the code they were told.",
            srt.refusedTotal.sorted { $0.key < $1.key }.map { ([("code", String($0.key))], Double($0.value)) })
        text.add("srt_viewer_skips_total", .counter, "Times an SRT viewer fell behind and resumed at a keyframe.", Double(srt.viewerSkipsTotal))
        func directions(_ received: UInt64, _ sent: UInt64) -> [(labels: [(String, String)], value: Double)] {
            [([("direction", "in")], Double(received)), ([("direction", "out")], Double(sent))]
        }
        text.add("srt_packets_total", .counter, "SRT data packets, each counted once.", directions(srt.receivedPackets, srt.sentPackets))
        text.add("srt_bytes_total", .counter, "Bytes of them.", directions(srt.receivedBytes, srt.sentBytes))
        text.add("srt_packets_lost_total", .counter, "SRT packets missed at first; most come again.", directions(srt.receivedLost, srt.sentLost))
        text.add("srt_packets_dropped_total", .counter, "SRT packets given up.", directions(srt.receivedDropped, srt.sentDropped))
        text.add("srt_packets_retransmitted_total", .counter, "SRT packets sent again.", Double(srt.retransmitted))
        text.add("srt_packets_undecryptable_total", .counter, "SRT packets that could not be decrypted.", Double(srt.undecryptable))
        text.add(
            "srt_round_trip_seconds", .gauge, "Round trip of SRT publishers.",
            srt.roundTrips.sorted { $0.stream < $1.stream }.prefix(200).map { ([("stream", $0.stream)], $0.seconds) })
    }
}
