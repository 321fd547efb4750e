import Media
import NIOCore

/// Writes the initialisation segment: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 §8.2, §8.8; CMAF §7.3.1).
enum InitSegmentWriter {
    /// Track n of `tracks` gets the track number n + 1.
    static func write(_ tracks: [Track], timescales: [UInt32]) throws(PackagingError) -> ByteBuffer {
        var entries: [ByteBuffer] = []
        for track in tracks {
            var entry = ByteBuffer()
            try SampleEntry.write(track, into: &entry)
            entries.append(entry)
        }
        var buffer = ByteBufferAllocator().buffer(capacity: 2048)
        buffer.writeBox("ftyp") { buffer in
            buffer.writeStaticString("iso6")
            buffer.writeInteger(UInt32(0))
            buffer.writeStaticString("iso6cmfcmp41")
        }
        buffer.writeBox("moov") { buffer in
            self.writeMovieHeader(trackCount: tracks.count, into: &buffer)
            for (index, track) in tracks.enumerated() {
                self.writeTrack(track, number: UInt32(index + 1), timescale: timescales[index], entry: entries[index], into: &buffer)
            }
            buffer.writeBox("mvex") { buffer in
                for index in tracks.indices {
                    buffer.writeFullBox("trex") { buffer in
                        buffer.writeInteger(UInt32(index + 1))
                        buffer.writeInteger(UInt32(1))
                        buffer.writeZeros(12)
                    }
                }
            }
        }
        return buffer
    }

    private static func writeMovieHeader(trackCount: Int, into buffer: inout ByteBuffer) {
        buffer.writeFullBox("mvhd") { buffer in
            buffer.writeZeros(8)
            buffer.writeInteger(UInt32(1000))
            buffer.writeZeros(4)
            buffer.writeInteger(UInt32(0x1_0000))  // rate 1.0
            buffer.writeInteger(UInt16(0x100))  // volume 1.0
            buffer.writeZeros(10)
            for value in PictureTurn.none.matrix(width: 0, height: 0) { buffer.writeInteger(value) }
            buffer.writeZeros(24)
            buffer.writeInteger(UInt32(trackCount + 1))
        }
    }

    /// Which way up players show it; the sizes beside it are those before.
    private static func matrix(of track: Track) -> [Int32] {
        let video = track.video ?? VideoFormat(width: 0, height: 0)
        return video.turn.matrix(width: video.width, height: video.height)
    }

    private static func writeTrack(_ track: Track, number: UInt32, timescale: UInt32, entry: ByteBuffer, into buffer: inout ByteBuffer) {
        buffer.writeBox("trak") { buffer in
            buffer.writeFullBox("tkhd", flags: 3) { buffer in
                buffer.writeZeros(8)
                buffer.writeInteger(number)
                buffer.writeZeros(16)
                buffer.writeInteger(UInt16(0))
                // Tracks of one kind are alternatives to each other.
                buffer.writeInteger(UInt16(track.kind == .audio ? 1 : 0))
                buffer.writeInteger(UInt16(track.kind == .audio ? 0x100 : 0))
                buffer.writeZeros(2)
                for value in self.matrix(of: track) { buffer.writeInteger(value) }
                buffer.writeInteger(UInt32(UInt16(clamping: track.video?.width ?? 0)) << 16)
                buffer.writeInteger(UInt32(UInt16(clamping: track.video?.height ?? 0)) << 16)
            }
            buffer.writeBox("mdia") { buffer in
                buffer.writeFullBox("mdhd") { buffer in
                    buffer.writeZeros(8)
                    buffer.writeInteger(timescale)
                    buffer.writeZeros(4)
                    buffer.writeInteger(UInt16(0x55C4))  // "und"
                    buffer.writeZeros(2)
                }
                buffer.writeFullBox("hdlr") { buffer in
                    buffer.writeZeros(4)
                    buffer.writeStaticString(track.kind == .video ? "vide" : "soun")
                    buffer.writeZeros(12)
                    buffer.writeStaticString(track.kind == .video ? "video" : "audio")
                    buffer.writeZeros(1)
                }
                self.writeMediaInformation(track.kind, entry: entry, into: &buffer)
            }
        }
    }

    private static func writeMediaInformation(_ kind: MediaKind, entry: ByteBuffer, into buffer: inout ByteBuffer) {
        buffer.writeBox("minf") { buffer in
            switch kind {
            case .video: buffer.writeFullBox("vmhd", flags: 1) { $0.writeZeros(8) }
            case .audio: buffer.writeFullBox("smhd") { $0.writeZeros(4) }
            }
            buffer.writeBox("dinf") { buffer in
                buffer.writeFullBox("dref") { buffer in
                    buffer.writeInteger(UInt32(1))
                    buffer.writeFullBox("url ", flags: 1) { _ in }
                }
            }
            buffer.writeBox("stbl") { buffer in
                buffer.writeFullBox("stsd") { buffer in
                    buffer.writeInteger(UInt32(1))
                    buffer.writeImmutableBuffer(entry)
                }
                buffer.writeFullBox("stts") { $0.writeZeros(4) }
                buffer.writeFullBox("stsc") { $0.writeZeros(4) }
                buffer.writeFullBox("stsz") { $0.writeZeros(8) }
                buffer.writeFullBox("stco") { $0.writeZeros(4) }
            }
        }
    }
}
