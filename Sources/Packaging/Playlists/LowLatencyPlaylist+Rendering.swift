import Media

extension LowLatencyPlaylist {
    /// How far from the end segments are that a delta update leaves out; §4.4.3.8 wants six target durations or more.
    private var skipBoundary: MediaTime { MediaTime(milliseconds: Int64(self.media.targetSeconds) * 6000) }

    /// How long a blocked request may wait before it is answered with 503 (§6.2.5.2): three target durations. In milliseconds.
    public var patienceMilliseconds: Int64 { Int64(self.media.targetSeconds) * 3000 }

    /// `query`, without question mark, is put behind every URI. With `skips`, a delta update where there is anything to leave out (§6.2.5.1).
    public func render(query: String = "", skips: Bool = false, reports: [RenditionReport] = []) -> String {
        let suffix = query.isEmpty ? "" : "?" + query
        let skipped = skips ? self.skippable : 0
        // §8: EXT-X-SKIP needs 9; the same for every answer, as a version is the playlist's.
        var text = self.media.head(version: 9)
        text += "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=\(DecimalFormat.seconds(self.partHoldBack))"
        text += ",CAN-SKIP-UNTIL=\(DecimalFormat.seconds(self.skipBoundary))\n"
        text += "#EXT-X-PART-INF:PART-TARGET=\(DecimalFormat.seconds(self.partTarget))\n"
        self.media.writeSequence(into: &text)
        if skipped > 0 { text += "#EXT-X-SKIP:SKIPPED-SEGMENTS=\(skipped)\n" }
        // A delta update goes on under the map of what it leaves out.
        var mapped = skipped > 0 ? self.media.entries[skipped - 1].initVersion : nil
        for entry in self.media.entries[skipped...] {
            self.media.writeBeginning(of: entry, suffix: suffix, mapped: &mapped, into: &text)
            self.write(self.parts[entry.number] ?? [], of: entry.number, suffix: suffix, into: &text)
            self.media.writeLocation(of: entry, suffix: suffix, into: &text)
        }
        if let open = self.open, !open.parts.isEmpty {
            self.media.writeBeginning(of: open.entry, suffix: suffix, mapped: &mapped, into: &text)
            self.write(open.parts, of: open.entry.number, suffix: suffix, into: &text)
        }
        if let hint = self.hint {
            text += "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"\(self.media.naming.part(hint.part, of: hint.segment))\(suffix)\"\n"
        }
        for report in reports {
            text += "#EXT-X-RENDITION-REPORT:URI=\"\(report.uri)\(suffix)\",LAST-MSN=\(report.lastSegment)"
            if let part = report.lastPart { text += ",LAST-PART=\(part)" }
            text += "\n"
        }
        if self.media.isEnded { text += "#EXT-X-ENDLIST\n" }
        return text
    }

    /// Three parts: two is the least that is allowed, three what is advised (§4.4.3.8).
    private var partHoldBack: MediaTime { MediaTime(microseconds: self.partTarget.microseconds * 3) }

    private func write(_ parts: [PartEntry], of number: UInt64, suffix: String, into text: inout String) {
        for (index, part) in parts.enumerated() {
            text += "#EXT-X-PART:DURATION=\(DecimalFormat.seconds(part.duration)),URI=\"\(self.media.naming.part(index, of: number))\(suffix)\""
            text += part.isIndependent ? ",INDEPENDENT=YES\n" : "\n"
        }
    }

    /// How many segments, from the first, are wholly beyond the boundary.
    private var skippable: Int {
        guard !self.media.isEnded else { return 0 }
        var distance = self.open?.parts.reduce(MediaTime.zero) { $0 + $1.duration } ?? .zero
        for (index, entry) in self.media.entries.enumerated().reversed() {
            if distance > self.skipBoundary { return index + 1 }
            distance += entry.duration
        }
        return 0
    }
}
