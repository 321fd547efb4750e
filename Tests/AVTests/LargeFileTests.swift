import AV
import Foundation
import Glibc
import Media
import NIOCore
import Testing

/// Files beyond 4 GiB, most of which is zeros that no disk holds.
@Suite struct LargeFileTests {
    private static let packets = 1_056
    private static let packetBytes = 4 << 20

    /// The head of a VP9 keyframe of 160×90 that is shown (VP9 bitstream §6.2), and a number behind it.
    private func payload(_ number: Int, in buffer: inout ByteBuffer) {
        buffer.setBytes([0x82, 0x49, 0x83, 0x42, 0x20, 0x09, 0xF0, 0x05, 0x90], at: 0)
        buffer.setInteger(UInt64(number), at: 16)
    }

    @Test(arguments: [
        (Remux.Format.mp4, ["movflags": "+empty_moov+default_base_moof+frag_custom+frag_discont", "use_editlist": "0"]),
        (.webM, ["live": "1"]),
    ]) func aGrowingFileAndItsCopyLeadToEveryPacket(format: Remux.Format, options: [String: String]) throws {
        let clips = try Clips()
        let (growing, copy) = (clips.path("growing"), clips.path("copy"))
        let track = Track(
            id: .video, codec: .vp9, configuration: VPConfiguration().record, format: .video(.init(width: 160, height: 90)))
        let muxer = try Muxer(format: format.rawValue, tracks: [track], sink: try SparseSink(growing), options: options)
        var buffer = ByteBuffer(repeating: 0, count: Self.packetBytes)
        let second = Int64(muxer.timescale(of: 0))
        for number in 0..<Self.packets {
            self.payload(number, in: &buffer)
            try muxer.write(
                Packet(
                    payload: buffer, streamIndex: 0, decodeTime: Int64(number) * second, presentationTime: Int64(number) * second, duration: second,
                    isKeyframe: true))
            try muxer.flushFragment()
        }
        let sink = try SparseSink(copy)
        let result = try Remux.faststart(from: growing, to: sink, path: copy, format: format)
        #expect(result.packets == Self.packets)
        #expect(sink.length > 4 << 30)
        // From its start, and by the index alone.
        try self.requireNumbers(try Demuxer(path: copy), from: 0)
        let demuxer = try Demuxer(path: copy)
        #expect(abs((demuxer.duration?.seconds ?? 0) - Double(Self.packets)) <= 1)
        try demuxer.seek(to: MediaTime(milliseconds: Int64(Self.packets - 3) * 1000))
        try self.requireNumbers(demuxer, from: Self.packets - 3)
    }

    private func requireNumbers(_ demuxer: Demuxer, from first: Int) throws {
        let packet = try Packet()
        var number = first
        while try demuxer.read(into: packet) {
            let payload = packet.payload
            try #require(payload.readableBytes == Self.packetBytes)
            try #require(payload.getInteger(at: 16, as: UInt64.self) == UInt64(number))
            number += 1
        }
        #expect(number == Self.packets)
    }
}

/// Writes nothing but what is not zero.
private final class SparseSink: ByteSink {
    private static let pageBytes = 1 << 16
    private let descriptor: Int32
    private let zeros: UnsafeMutableRawPointer
    private let page: UnsafeMutableRawPointer
    private(set) var position: Int64 = 0
    private(set) var length: Int64 = 0
    let isSeekable = true

    init(_ path: String) throws {
        self.descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        self.zeros = .allocate(byteCount: Self.pageBytes, alignment: 8)
        self.page = .allocate(byteCount: Self.pageBytes, alignment: 8)
        memset(self.zeros, 0, Self.pageBytes)
        try #require(self.descriptor >= 0)
    }

    deinit {
        close(self.descriptor)
        self.zeros.deallocate()
        self.page.deallocate()
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            let count = min(rest.count, Self.pageBytes)
            // What was written there before must not show through.
            if memcmp(start, self.zeros, count) != 0 || self.hasContent(count) {
                guard pwrite(self.descriptor, start, count, off_t(self.position)) == count else { throw .system("write", errno: errno) }
            }
            self.position += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        if self.position > self.length {
            self.length = self.position
            guard ftruncate(self.descriptor, off_t(self.length)) == 0 else { throw .system("write", errno: errno) }
        }
    }

    /// Something but zeros is there.
    private func hasContent(_ count: Int) -> Bool {
        guard self.position < self.length else { return false }
        let present = pread(self.descriptor, self.page, count, off_t(self.position))
        return present > 0 && memcmp(self.page, self.zeros, present) != 0
    }

    func seek(to position: Int64) throws(AVFailure) { self.position = position }
}
