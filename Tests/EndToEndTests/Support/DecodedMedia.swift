import Foundation
import Testing

/// A file of one of the clips, decoded: which frames it has, when they flash, and when it beeps.
struct DecodedMedia {
    struct Picture {
        let time: Double
        /// The frame's number in the clip, read from its lowest row.
        let number: Int
        let isWhite: Bool
    }

    /// The longest way that pictures of a clip are ahead of its sound, in the order of sending, in seconds: a keyframe and the picture behind two B-frames.
    private static let lead = 4 / Double(Clip.frameRate)

    let pictures: [Picture]
    /// When silence ends, in seconds on the same clock as the pictures.
    let beeps: [Double]
    /// Seconds of sound.
    let soundLength: Double

    /// Decodes all of it; any complaint of a decoder or demuxer fails the test.
    static func decode(_ file: String, hasSound: Bool = true, in lab: Lab) async throws -> DecodedMedia {
        let stem = lab.path("decoded-\(UUID().uuidString)").path
        var command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "level+info", "-i", file]
        command += [
            "-map", "0:v:0", "-vf", "scale=16:9:flags=area,format=gray,showinfo", "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-f",
            "rawvideo", stem + ".gray",
        ]
        if hasSound { command += ["-map", "0:a:0", "-af", "ashowinfo", "-ac", "1", "-ar", "48000", "-f", "s16le", stem + ".pcm"] }
        let notes = try await lab.run("decode", command, within: .seconds(120)).errors
        // The order of times is for the tests to look at, not for the writer of the raw pictures.
        let complaints = notes.split(separator: "\n").filter { ($0.contains("[error]") || $0.contains("[fatal]")) && !$0.hasPrefix("[rawvideo") }
        try #require(complaints.isEmpty, "decoding \(file): \(complaints.prefix(5))")

        let gray = try Data(contentsOf: URL(fileURLWithPath: stem + ".gray"))
        let times = Self.times(in: notes, from: "showinfo")
        try #require(times.count == gray.count / 144, "as many times as pictures")
        let pictures = times.enumerated().map { index, stamp in
            let picture = [UInt8](gray[(index * 144)..<(index * 144 + 144)])
            let upper = picture[..<112].reduce(0) { $0 + Int($1) } / 112
            let number = (0..<16).reduce(0) { $0 | (picture[128 + $1] > 127 ? 1 << $1 : 0) }
            return Picture(time: stamp.time, number: number, isWhite: upper > 127)
        }
        guard hasSound else { return DecodedMedia(pictures: pictures, beeps: [], soundLength: 0) }
        let sound = try Data(contentsOf: URL(fileURLWithPath: stem + ".pcm"))
        return DecodedMedia(
            pictures: pictures, beeps: Self.onsets(in: sound, stamps: Self.times(in: notes, from: "ashowinfo")),
            soundLength: Double(sound.count / 2) / 48000)
    }

    /// Seconds from the first picture to the end of the last one.
    var length: Double { (self.pictures.last?.time ?? 0) - (self.pictures.first?.time ?? 0) + 1 / Double(Clip.frameRate) }

    /// Each picture follows the one before it in the clip, 40 ms later, within what a millisecond clock can say. Streams are cut in the order of decoding,
    /// so the last ones need not be complete in the order of showing, and are not looked at. A clip that is over begins again when its sound is over, too.
    func requireEveryPicture(atLeast count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try #require(self.pictures.count >= count, "\(self.pictures.count) pictures", sourceLocation: sourceLocation)
        let pictures = self.pictures.dropLast(4)
        for (one, next) in zip(pictures, pictures.dropFirst()) {
            let beginsAgain = one.number == Clip.pictures - 1 && next.number == 0
            try #require(
                beginsAgain || next.number == one.number + 1, "picture \(next.number) after \(one.number)", sourceLocation: sourceLocation)
            let step = next.time - one.time
            let isInTime = beginsAgain ? step > 0.02 && step <= 0.1 : abs(step - 0.04) < 0.005
            try #require(isInTime, "picture \(next.number) comes \(step) s after the one before it", sourceLocation: sourceLocation)
        }
    }

    /// Each flash has its beep within 40 ms.
    func requireSync(atLeast count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let all = zip(self.pictures, self.pictures.dropFirst()).filter { !$0.isWhite && $1.isWhite }.map { $1.time }
        // Where one publisher follows another, two beeps may be one sound.
        let seams = Set(zip(all, all.dropFirst()).filter { $1 - $0 < 0.5 }.map { $1 })
        // Pictures are sent up to three ahead of the sound that belongs to them, so a publisher that falls silent right behind a flash has not sent its beep.
        // A seek forwards is such an end as well; the largest step without one is that from keyframe to keyframe, where everything between them was dropped.
        let cuts = zip(self.pictures, self.pictures.dropFirst()).filter {
            $1.number < $0.number || $1.number - $0.number > Clip.frameRate
        }.map { $0.0.time }
        let torn = Set(all.filter { flash in cuts.contains { $0 >= flash && $0 - flash < Self.lead } })
        let flashes = all.filter { !seams.contains($0) && !torn.contains($0) }
        // At the very ends a flash may be there without its beep.
        let inner = flashes.filter { $0 > (self.beeps.first ?? .infinity) - 0.5 && $0 < (self.beeps.last ?? 0) + 0.5 }
        try #require(inner.count >= count, "\(flashes.count) flashes, \(self.beeps.count) beeps", sourceLocation: sourceLocation)
        for flash in inner {
            let nearest = try #require(self.beeps.map { $0 - flash }.min { abs($0) < abs($1) })
            let offset = "the beep comes \(nearest * 1000) ms after the flash at \(flash); flashes \(flashes), beeps \(self.beeps)"
            try #require(abs(nearest) < 0.04, "\(offset)", sourceLocation: sourceLocation)
        }
    }

    // MARK: Reading

    private struct Stamp {
        let time: Double
        let samples: Int
    }

    /// What `showinfo` and `ashowinfo` tell of each frame.
    private static func times(in notes: String, from filter: String) -> [Stamp] {
        notes.split(separator: "\n").filter { $0.contains("Parsed_\(filter)_") }.compactMap { line in
            func field(_ name: String) -> Double? {
                guard let range = line.range(of: name) else { return nil }
                return Double(line[range.upperBound...].drop { $0 == " " }.prefix { !$0.isWhitespace })
            }
            return field("pts_time:").map { Stamp(time: $0, samples: Int(field("nb_samples:") ?? 0)) }
        }
    }

    /// A loud sample after a tenth of a second without one.
    private static func onsets(in sound: Data, stamps: [Stamp]) -> [Double] {
        let samples = sound.withUnsafeBytes { raw in
            (0..<(raw.count / 2)).map { Int16(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 2, as: Int16.self)) }
        }
        var onsets: [Double] = []
        var quiet = 4800
        var position = 0
        for stamp in stamps {
            // Stamps count samples of the file's own rate, which is 44,100 for MP3; only clips of 48 kHz are measured.
            for offset in 0..<stamp.samples where position + offset < samples.count {
                if abs(Int(samples[position + offset])) > 6000 {
                    if quiet >= 4800 { onsets.append(stamp.time + Double(offset) / 48000) }
                    quiet = 0
                } else {
                    quiet += 1
                }
            }
            position += stamp.samples
        }
        // The first sound of a file may be the middle of a beep.
        return onsets.filter { $0 > (stamps.first?.time ?? 0) + 0.1 }
    }
}
