#if os(Linux)
/// The beginning of the kernel's `struct tcp_info` (include/uapi/linux/tcp.h), which has only ever grown at its end. The C library's own copy stops
/// before the members that are wanted here; a kernel that has none of them leaves them zero.
struct TCPInfo: Sendable {
    /// Words of 64 bits up to and with `tcpi_bytes_received` (128…) and, in the one at 144, `tcpi_notsent_bytes`.
    private var words:
        (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64,
            UInt64
        )

    /// Sent and not acknowledged, in segments: `tcpi_unacked`, the first half of the word at 24.
    private var segmentsInFlight: UInt32 { Self.firstHalf(of: self.words.3) }
    /// `tcpi_bytes_acked`, at 120.
    private var bytesAcknowledged: UInt64 { self.words.15 }
    /// Taken by the kernel and not sent: `tcpi_notsent_bytes`, the first half of the word at 144.
    private var bytesNotSent: UInt32 { Self.firstHalf(of: self.words.18) }

    private static func firstHalf(of word: UInt64) -> UInt32 {
        #if _endian(big)
        UInt32(truncatingIfNeeded: word >> 32)
        #else
        UInt32(truncatingIfNeeded: word)
        #endif
    }

    var delivery: Delivery {
        Delivery(acknowledged: self.bytesAcknowledged, isOutstanding: self.segmentsInFlight > 0 || self.bytesNotSent > 0)
    }
}
#endif
