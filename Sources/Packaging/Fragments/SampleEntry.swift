import Media
import NIOCore

/// The sample description of one track: what `stsd` holds (ISO/IEC 14496-12 §8.5.2 and each codec's binding).
enum SampleEntry {
    static func write(_ track: Track, into buffer: inout ByteBuffer) throws(PackagingError) {
        do throws(MediaError) {
            switch track.codec {
            case .h264:
                self.writeVideo("avc1", track, into: &buffer) { self.writeRecord("avcC", track.configuration, into: &$0) }
            case .hevc:
                self.writeVideo("hvc1", track, into: &buffer) { self.writeRecord("hvcC", track.configuration, into: &$0) }
            case .av1:
                self.writeVideo("av01", track, into: &buffer) { self.writeRecord("av1C", track.configuration, into: &$0) }
            case .vp8, .vp9:
                let record = try self.vpRecord(of: track)
                self.writeVideo(track.codec == .vp9 ? "vp09" : "vp08", track, into: &buffer) { buffer in
                    buffer.writeFullBox("vpcC", version: 1) { $0.writeBytes(record) }
                }
            case .aac:
                self.writeAudio("mp4a", track, into: &buffer) { self.writeESDS(objectType: 0x40, specific: track.configuration, into: &$0) }
            case .mp3:
                // 0x6B is MPEG-1 audio, 0x69 the lower sampling rates of MPEG-2.
                let objectType: UInt8 = (track.audio?.sampleRate ?? 44_100) < 32_000 ? 0x69 : 0x6B
                self.writeAudio("mp4a", track, into: &buffer) { self.writeESDS(objectType: objectType, specific: nil, into: &$0) }
            case .opus:
                let head = try OpusHead(bytes: track.configuration)
                self.writeAudio("Opus", track, into: &buffer) { self.writeDOps(head, into: &$0) }
            case .vorbis:
                throw MediaError.unsupportedCodec(track.codec)
            }
        } catch {
            throw .configuration(track.id, error)
        }
    }

    private static func vpRecord(of track: Track) throws(MediaError) -> [UInt8] {
        track.configuration.isEmpty ? VPConfiguration().record : try VPConfiguration(record: track.configuration).record
    }

    private static func writeRecord(_ type: StaticString, _ record: [UInt8], into buffer: inout ByteBuffer) {
        buffer.writeBox(type) { $0.writeBytes(record) }
    }

    private static func writeVideo(
        _ type: StaticString, _ track: Track, into buffer: inout ByteBuffer, configuration: (inout ByteBuffer) -> Void
    ) {
        buffer.writeBox(type) { buffer in
            buffer.writeZeros(6)
            buffer.writeInteger(UInt16(1))  // data_reference_index
            buffer.writeZeros(16)
            buffer.writeInteger(UInt16(clamping: track.video?.width ?? 0))
            buffer.writeInteger(UInt16(clamping: track.video?.height ?? 0))
            buffer.writeInteger(UInt32(0x48_0000))  // 72 dpi
            buffer.writeInteger(UInt32(0x48_0000))
            buffer.writeZeros(4)
            buffer.writeInteger(UInt16(1))  // frame_count
            buffer.writeZeros(32)
            buffer.writeInteger(UInt16(0x18))
            buffer.writeInteger(Int16(-1))
            configuration(&buffer)
        }
    }

    private static func writeAudio(
        _ type: StaticString, _ track: Track, into buffer: inout ByteBuffer, configuration: (inout ByteBuffer) -> Void
    ) {
        let rate = track.audio?.sampleRate ?? 0
        buffer.writeBox(type) { buffer in
            buffer.writeZeros(6)
            buffer.writeInteger(UInt16(1))  // data_reference_index
            buffer.writeZeros(8)
            buffer.writeInteger(UInt16(clamping: track.audio?.channelCount ?? 2))
            buffer.writeInteger(UInt16(16))
            buffer.writeZeros(4)
            // 16.16; a rate that does not fit is left to the configuration.
            buffer.writeInteger(rate <= Int(UInt16.max) ? UInt32(rate) << 16 : 0)
            configuration(&buffer)
        }
    }

    /// ISO/IEC 14496-14 §5.6.
    private static func writeESDS(objectType: UInt8, specific: [UInt8]?, into buffer: inout ByteBuffer) {
        buffer.writeFullBox("esds") { buffer in
            buffer.writeDescriptor(tag: 3) { buffer in
                buffer.writeZeros(3)  // ES_ID and flags
                buffer.writeDescriptor(tag: 4) { buffer in
                    buffer.writeInteger(objectType)
                    buffer.writeInteger(UInt8(0x15))  // audio stream
                    buffer.writeZeros(11)  // buffer size and bit rates unknown
                    if let specific { buffer.writeDescriptor(tag: 5) { $0.writeBytes(specific) } }
                }
                buffer.writeDescriptor(tag: 6) { $0.writeInteger(UInt8(2)) }
            }
        }
    }

    /// Opus in ISOBMFF §4.3.2: the identification header again, big-endian.
    private static func writeDOps(_ head: OpusHead, into buffer: inout ByteBuffer) {
        buffer.writeBox("dOps") { buffer in
            buffer.writeInteger(UInt8(0))
            buffer.writeInteger(UInt8(clamping: head.channelCount))
            buffer.writeInteger(head.preSkip)
            buffer.writeInteger(head.inputSampleRate)
            buffer.writeInteger(head.outputGain)
            buffer.writeInteger(head.mappingFamily)
            buffer.writeBytes(head.mappingTable)
        }
    }
}
