import Media

extension DASHManifest {
    /// nil before the first segment. `query`, without question mark, is put behind every URI.
    /// - Parameter renditions: other encodings of the same pictures, on the same timeline and cut at the same places; their pictures are listed beside
    ///   these, in Periods that are these. Their sound is left out, as sets of sound cannot be chosen by bandwidth together with the picture.
    public func render(query: String = "", renditions: [DASHManifest] = []) -> String? {
        guard let availabilityStart = self.availabilityStart, let last = self.periods.last else { return nil }
        let suffix = XMLText.escape(query.isEmpty ? "" : "?" + query)
        let longest = self.entries.map(\.duration).max() ?? .zero
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\""
        text += " type=\"\(self.isEnded ? "static" : "dynamic")\""
        text += " availabilityStartTime=\"\(DecimalFormat.dateTime(milliseconds: availabilityStart))\""
        text += " publishTime=\"\(DecimalFormat.dateTime(milliseconds: self.publishTime))\""
        if self.isEnded {
            // It ends where the last segment does.
            text += " mediaPresentationDuration=\"\(Self.duration(last.end))\" minBufferTime=\"\(Self.duration(longest))\""
        } else {
            let window = self.entries.reduce(MediaTime.zero) { $0 + $1.duration }
            // A player close to the edge must learn of a segment while its first chunks are being made.
            let update = max(self.chunkDuration ?? longest, MediaTime(milliseconds: 500))
            text += " minimumUpdatePeriod=\"\(Self.duration(update))\" minBufferTime=\"\(Self.duration(self.chunkDuration ?? longest))\""
            text += " timeShiftBufferDepth=\"\(Self.duration(window))\""
            text += " suggestedPresentationDelay=\"\(Self.duration(MediaTime(microseconds: longest.microseconds * 3)))\""
        }
        text += " maxSegmentDuration=\"\(Self.duration(longest))\">\n"
        if !self.isEnded, let chunk = self.chunkDuration { self.writeService(chunk: chunk, longest: longest, into: &text) }
        let others = renditions.map(\.shown)
        for period in self.shown.periods { self.write(period, suffix: suffix, others, into: &text) }
        if !self.isEnded { text += "  \(self.utcTiming)\n" }
        return text + "</MPD>\n"
    }

    private var utcTiming: String {
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"\(XMLText.escape(self.naming.clock))\"/>"
    }

    /// Annex K: what players that can are to keep to, in milliseconds behind the clock of the first ProducerReferenceTime. Four chunks: the one being
    /// made, the one on its way, and two in the buffer.
    private func writeService(chunk: MediaTime, longest: MediaTime, into text: inout String) {
        let (target, least) = (chunk.milliseconds * 4, chunk.milliseconds * 2)
        let most = max(target, longest.milliseconds * 3)
        text += "  <ServiceDescription id=\"0\">\n"
        text += "    <Latency referenceId=\"0\" target=\"\(target)\" max=\"\(most)\" min=\"\(least)\"/>\n"
        text += "    <PlaybackRate max=\"1.1\" min=\"0.95\"/>\n  </ServiceDescription>\n"
    }

    /// What the clock said when a picture or sound came in (§5.12).
    private func writeReference(_ index: Int, of period: Period, into text: inout String) {
        guard !self.isEnded, self.chunkDuration != nil, let entry = period.entries.last else { return }
        text += "      <ProducerReferenceTime id=\"\(index)\" type=\"encoder\""
        text += " wallClockTime=\"\(DecimalFormat.dateTime(milliseconds: entry.wallMilliseconds))\""
        text += " presentationTime=\"\(entry.start.microseconds)\">\(self.utcTiming)</ProducerReferenceTime>\n"
    }

    /// From when on the growing segment of a Period, if it has one, can be asked for: its first chunk is whole then.
    private func availability(in period: Period) -> String {
        guard let chunk = self.chunkDuration, let growing = self.growing, period.entries.last == growing else { return "" }
        let early = growing.duration - min(chunk, growing.duration)
        return " availabilityTimeOffset=\"\(DecimalFormat.seconds(early))\" availabilityTimeComplete=\"false\""
    }

    private func write(_ period: Period, suffix: String, _ others: [DASHManifest], into text: inout String) {
        text += "  <Period id=\"\(period.id)\" start=\"\(Self.duration(MediaTime(milliseconds: period.start)))\">\n"
        let picture = period.tracks.firstIndex { $0.kind == .video }
        for (index, track) in period.tracks.enumerated() {
            self.write(track, index, of: period, suffix: suffix, index == picture ? others : [], into: &text)
        }
        text += "  </Period>\n"
    }

    private func write(
        _ track: Track, _ index: Int, of period: Period, suffix: String, _ others: [DASHManifest], into text: inout String
    ) {
        guard !period.entries.isEmpty else { return }
        let kind = track.kind == .video ? "video" : "audio"
        text += "    <AdaptationSet id=\"\(index)\" contentType=\"\(kind)\" mimeType=\"\(kind)/mp4\" segmentAlignment=\"true\">\n"
        self.writeReference(index, of: period, into: &text)
        self.writeTemplate(index, of: period, offset: period.offset, suffix: suffix, into: &text)
        text += "      <Representation id=\"\(kind)\(index)\" \(self.attributes(of: track, in: period))"
        if let audio = track.audio {
            text += " audioSamplingRate=\"\(audio.sampleRate)\">\n"
            text += "        <AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\""
            text += " value=\"\(audio.channelCount)\"/>\n      </Representation>\n"
        } else {
            text += "/>\n"
        }
        for (number, other) in others.enumerated() { other.writePictures(number + 1, beside: period, suffix: suffix, into: &text) }
        text += "    </AdaptationSet>\n"
    }

    /// As another representation of the pictures of a Period that is not its own; nothing where it has none of that time.
    private func writePictures(_ number: Int, beside theirs: Period, suffix: String, into text: inout String) {
        guard let start = theirs.entries.first?.start, let last = theirs.entries.last else { return }
        let end = last.start + last.duration
        let same = self.periods.last { period in period.entries.contains { $0.start >= start && $0.start < end } }
        guard var period = same, let index = period.tracks.firstIndex(where: { $0.kind == .video }) else { return }
        period.entries.removeAll { $0.start < start }
        text += "      <Representation id=\"video\(index)-\(number)\" \(self.attributes(of: period.tracks[index], in: period))>\n"
        self.writeTemplate(index, of: period, offset: theirs.offset, suffix: suffix, into: &text)
        text += "      </Representation>\n"
    }

    private func writeTemplate(_ index: Int, of period: Period, offset: MediaTime, suffix: String, into text: inout String) {
        guard let first = period.entries.first else { return }
        let prefix = XMLText.escape(XMLText.escapeTemplate(self.naming.prefix))
        text += "      <SegmentTemplate timescale=\"1000000\" presentationTimeOffset=\"\(offset.microseconds)\" startNumber=\"\(first.number)\""
        text += "\(self.availability(in: period)) initialization=\"\(prefix)init-\(first.initVersion)-t\(index + 1).mp4\(suffix)\""
        text += " media=\"\(prefix)$Number$-t\(index + 1).m4s\(suffix)\">\n        <SegmentTimeline>\n"
        self.writeTimeline(period.entries, into: &text)
        text += "        </SegmentTimeline>\n      </SegmentTemplate>\n"
    }

    private func attributes(of track: Track, in period: Period) -> String {
        var text = "codecs=\"\(XMLText.escape(track.codecParameter))\" bandwidth=\"\(self.bandwidth(of: track, in: period))\""
        if let video = track.video, video.width > 0, video.height > 0 { text += " width=\"\(video.shownWidth)\" height=\"\(video.shownHeight)\"" }
        return text
    }

    private func writeTimeline(_ entries: [Entry], into text: inout String) {
        var expected: MediaTime?
        var index = entries.startIndex
        while index < entries.endIndex {
            let entry = entries[index]
            var repeats = 0
            var end = entry.start + entry.duration
            while index + repeats + 1 < entries.endIndex, entries[index + repeats + 1].start == end,
                entries[index + repeats + 1].duration == entry.duration
            {
                repeats += 1
                end += entry.duration
            }
            let time = expected == entry.start ? "" : " t=\"\(entry.start.microseconds)\""
            text += "          <S\(time) d=\"\(entry.duration.microseconds)\"\(repeats > 0 ? " r=\"\(repeats)\"" : "")/>\n"
            expected = end
            index += repeats + 1
        }
    }

    /// What is known is the whole's: audio is taken to need 128 kbit/s, or all when it is alone.
    private func bandwidth(of track: Track, in period: Period) -> Int {
        let audio = period.tracks.count { $0.kind == .audio }
        guard audio < period.tracks.count else { return max(1, self.bandwidth / max(1, audio)) }
        let reserved = min(audio * 128_000, self.bandwidth / 2)
        return max(1, track.kind == .audio ? reserved / max(1, audio) : self.bandwidth - reserved)
    }

    /// xs:duration in seconds.
    private static func duration(_ time: MediaTime) -> String { "PT\(DecimalFormat.seconds(time))S" }
}

enum XMLText {
    /// For attribute values in double quotes. Characters that no XML text may hold are left out.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&apos;"
            default: if scalar.value >= 0x20, scalar.value != 0xFFFE, scalar.value != 0xFFFF { escaped.unicodeScalars.append(scalar) }
            }
        }
        return escaped
    }

    /// ISO/IEC 23009-1 §5.3.9.4.4: a dollar sign of the name itself is doubled.
    static func escapeTemplate(_ text: String) -> String { text.replacing("$", with: "$$") }
}
