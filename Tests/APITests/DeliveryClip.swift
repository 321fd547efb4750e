import Foundation
import Media
import NIOCore
import TestSupport

/// A few seconds of H.264 and AAC made by ffmpeg, as frames. Fails where there is no ffmpeg.
struct DeliveryClip {
    var video: Track
    var audio: Track
    /// By decode time.
    var frames: [EncodedFrame]
    var pictureCount: Int

    struct Broken: Error {
        var reason: String
    }

    static func make(seconds: Int) async throws -> DeliveryClip {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-clip-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do { try FileManager.default.removeItem(at: folder) } catch { print("left behind: \(folder.path): \(error)") }
        }
        let video = folder.appendingPathComponent("a.h264")
        let audio = folder.appendingPathComponent("a.aac")
        let outcome = try await Tool.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t",
                "\(seconds)", "-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "25", "-x264-params",
                "aud=1:scenecut=0", "-f", "h264", video.path, "-map", "1:a", "-t", "\(seconds)", "-c:a", "aac", "-f", "adts", audio.path,
            ])
        guard outcome.status == 0 else { throw Broken(reason: outcome.errors) }
        return try DeliveryClip(video: ByteBuffer(bytes: Data(contentsOf: video)), audio: ByteBuffer(bytes: Data(contentsOf: audio)))
    }

    private init(video: ByteBuffer, audio: ByteBuffer) throws {
        var units = NALUnitReader(try AnnexB.toLengthPrefixed(video))
        var pictures: [ByteBuffer] = []
        var sets: [UInt8: [UInt8]] = [:]
        while let unit = try units.next() {
            guard let first = unit.getInteger(at: unit.readerIndex, as: UInt8.self) else { continue }
            let type = first & 0x1f
            if type == 7 || type == 8 { sets[type] = Array(buffer: unit) }
            if type == 9 { pictures.append(ByteBuffer()) }  // access unit delimiter
            guard !pictures.isEmpty else { continue }
            pictures[pictures.count - 1].writeInteger(UInt32(unit.readableBytes))
            pictures[pictures.count - 1].writeImmutableBuffer(unit)
        }
        guard let sequence = sets[7], let picture = sets[8] else { throw Broken(reason: "no parameter sets") }
        let record = try AVCConfiguration(sequenceParameterSets: [sequence], pictureParameterSets: [picture]).record
        self.video = try Track(id: .video, codec: .h264, configuration: record)
        self.frames = try pictures.enumerated().map { number, bytes in
            let unit = try NALAccessUnit(bytes, codec: .h264)
            return EncodedFrame(
                track: .video, kind: .video, isKeyframe: unit.isKeyframe, decodeTime: MediaTime(milliseconds: Int64(number) * 40),
                payload: unit.payload)
        }
        self.pictureCount = pictures.count
        var rest = audio
        var number: Int64 = 0
        var configuration: [UInt8]?
        while let (header, payload) = try ADTSHeader.readFrame(from: &rest) {
            configuration = header.configuration
            self.frames.append(
                EncodedFrame(
                    track: .audio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(ticks: number * 1024, timescale: 48_000), payload: payload))
            number += 1
        }
        guard let configuration else { throw Broken(reason: "no sound") }
        self.audio = try Track(id: .audio, codec: .aac, configuration: configuration)
        self.frames.sort { $0.decodeTime < $1.decodeTime }
    }
}

/// A program of the system, run to its end.
enum Tool {
    struct Outcome: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    static func run(_ name: String, _ arguments: [String]) async throws -> Outcome {
        let output = TestSupport.Tool.pipe()
        let errors = TestSupport.Tool.pipe()
        let child = try TestSupport.Tool.spawn(
            name, arguments, output: output.fileHandleForWriting.fileDescriptor, errors: errors.fileHandleForWriting.fileDescriptor)
        try output.fileHandleForWriting.close()
        try errors.fileHandleForWriting.close()
        async let text = Self.readAll(output)
        async let errorText = Self.readAll(errors)
        let (one, two) = await (text, errorText)
        // Both pipes are at their end: it has closed them.
        return Outcome(status: TestSupport.Tool.wait(for: child), output: one, errors: two)
    }

    private static func readAll(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
            }
        }
    }
}
