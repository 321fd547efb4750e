import Media
import NIOCore

/// A reader of MP4 boxes, written apart from the writer it checks.
struct Box {
    let type: String
    /// The content, without size and type.
    let body: [UInt8]

    struct Malformed: Error {
        let what: String
    }

    static func list(_ bytes: some Collection<UInt8>) throws -> [Box] {
        let bytes = Array(bytes)
        var boxes: [Box] = []
        var at = 0
        while at < bytes.count {
            guard at + 8 <= bytes.count else { throw Malformed(what: "box header cut short") }
            let size = Int(bytes.uint(at, 4))
            guard size >= 8, at + size <= bytes.count else { throw Malformed(what: "box size \(size) at \(at) of \(bytes.count)") }
            boxes.append(Box(type: String(decoding: bytes[at + 4..<at + 8], as: UTF8.self), body: Array(bytes[at + 8..<at + size])))
            at += size
        }
        return boxes
    }

    func children(from offset: Int = 0) throws -> [Box] { try Box.list(self.body.dropFirst(offset)) }

    /// The one at the end of a path such as `mdia.minf.stbl`.
    func find(_ path: String) throws -> Box {
        var box = self
        for name in path.split(separator: ".") {
            guard let next = try box.children().first(where: { $0.type == name }) else { throw Malformed(what: "no \(name) in \(box.type)") }
            box = next
        }
        return box
    }
}

extension [UInt8] {
    func uint(_ at: Int, _ count: Int) -> UInt64 { self[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) } }
    func int32(_ at: Int) -> Int64 { Int64(Int32(truncatingIfNeeded: self.uint(at, 4))) }
}

/// What an init segment and the fragments after it say.
struct Movie {
    struct Sample {
        var decodeTicks: Int64
        var duration: Int64
        var compositionTicks: Int64
        var isSync: Bool
        var payload: [UInt8]
    }

    struct Trak {
        var number: UInt64
        var handler: String
        var timescale: UInt64
        var entry: Box
        var samples: [Sample] = []
        /// Number of samples in each fragment.
        var runs: [Int] = []

        /// The box with the codec's configuration.
        func configuration() throws -> Box {
            let header = self.handler == "vide" ? 78 : 28
            guard let box = try self.entry.children(from: header).first else { throw Box.Malformed(what: "no configuration") }
            return box
        }
        var end: Int64 { self.samples.last.map { $0.decodeTicks + $0.duration } ?? 0 }
    }

    var tracks: [Trak] = []
    var fragmentNumbers: [UInt64] = []
    var topLevel: [String] = []

    init(_ bytes: [UInt8]) throws {
        var moof: (box: Box, start: Int)?
        var at = 0
        for box in try Box.list(bytes) {
            self.topLevel.append(box.type)
            switch box.type {
            case "moov": try self.readMovie(box)
            case "moof": moof = (box, at)
            case "mdat":
                guard let fragment = moof else { throw Box.Malformed(what: "mdat without moof") }
                try self.readFragment(fragment.box, at: fragment.start, of: bytes, dataEnd: at + box.body.count + 8)
                moof = nil
            default: break
            }
            at += box.body.count + 8
        }
    }

    private mutating func readMovie(_ moov: Box) throws {
        for trak in try moov.children() where trak.type == "trak" {
            let header = try trak.find("tkhd")
            let media = try trak.find("mdia")
            guard let entry = try media.find("minf.stbl.stsd").children(from: 8).first else { throw Box.Malformed(what: "empty stsd") }
            self.tracks.append(
                Trak(
                    number: header.body.uint(12, 4), handler: String(decoding: try media.find("hdlr").body[8..<12], as: UTF8.self),
                    timescale: try media.find("mdhd").body.uint(12, 4), entry: entry))
        }
    }

    private mutating func readFragment(_ moof: Box, at start: Int, of bytes: [UInt8], dataEnd: Int) throws {
        self.fragmentNumbers.append(try moof.find("mfhd").body.uint(4, 4))
        for traf in try moof.children() where traf.type == "traf" {
            let header = try traf.find("tfhd").body
            guard let index = self.tracks.firstIndex(where: { $0.number == header.uint(4, 4) }) else { throw Box.Malformed(what: "unknown track") }
            let headerFlags = header.uint(1, 3)
            guard headerFlags & 0x02_0000 != 0, headerFlags & 0x03 == 0 else { throw Box.Malformed(what: "base is not the moof") }
            var at = 8
            func field(_ flag: UInt64) -> UInt64? {
                guard headerFlags & flag != 0 else { return nil }
                defer { at += 4 }
                return header.uint(at, 4)
            }
            let duration = field(0x08)
            let size = field(0x10)
            let flags = field(0x20)
            let time = try traf.find("tfdt").body
            var decode = Int64(time[0] == 1 ? time.uint(4, 8) : time.uint(4, 4))
            for run in try traf.children() where run.type == "trun" {
                let count = try self.readRun(
                    run.body, track: index, start: start, decode: &decode, defaults: (duration, size, flags), bytes: bytes, dataEnd: dataEnd)
                self.tracks[index].runs.append(count)
            }
        }
    }

    private mutating func readRun(
        _ run: [UInt8], track: Int, start: Int, decode: inout Int64, defaults: (duration: UInt64?, size: UInt64?, flags: UInt64?), bytes: [UInt8],
        dataEnd: Int
    ) throws -> Int {
        let flags = run.uint(1, 3)
        let count = Int(run.uint(4, 4))
        guard flags & 1 != 0 else { throw Box.Malformed(what: "no data offset") }
        var data = start + Int(run.int32(8))
        var at = flags & 4 != 0 ? 16 : 12
        let firstFlags = flags & 4 != 0 ? run.uint(12, 4) : nil
        func field(_ flag: UInt64) -> UInt64? {
            guard flags & flag != 0 else { return nil }
            defer { at += 4 }
            return run.uint(at, 4)
        }
        for index in 0..<count {
            let duration = field(0x100) ?? defaults.duration ?? 0
            let size = Int(field(0x200) ?? defaults.size ?? 0)
            let sampleFlags = field(0x400) ?? (index == 0 ? firstFlags : nil) ?? defaults.flags ?? 0
            let offset = field(0x800).map { Int64(Int32(truncatingIfNeeded: $0)) } ?? 0
            guard data + size <= dataEnd else { throw Box.Malformed(what: "sample beyond mdat") }
            self.tracks[track].samples.append(
                Sample(
                    decodeTicks: decode, duration: Int64(duration), compositionTicks: offset, isSync: sampleFlags & 0x1_0000 == 0,
                    payload: Array(bytes[data..<data + size])))
            data += size
            decode += Int64(duration)
        }
        return count
    }
}
