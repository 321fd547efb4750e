import Foundation
import FoundationXML

/// What the schema of ISO/IEC 23009-1 (5th edition, DASH-MPD.xsd) demands of the elements that are written here: which there are, in which order and how
/// often, their attributes with their types, and beyond it the rules of §5.3 that a schema cannot say. Written from the standard; the schema itself comes
/// with no package.
enum StrictMPD {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    private enum Kind: String {
        case text = #".*"#
        case uri = #"\S+"#
        case unsigned = #"\d{1,10}"#
        case long = #"\d{1,19}"#
        case integer = #"-?\d{1,9}"#
        case double = #"(-?\d+(\.\d+)?)|INF"#
        case boolean = "true|false|0|1"
        case duration = #"PT\d+(\.\d+)?S"#
        case dateTime = #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"#
        case presentation = "static|dynamic"
        case content = "text|image|audio|video|application|font"
        case producer = "encoder|captured|application"
        case codecs = #"[a-zA-Z0-9][a-zA-Z0-9.\-]*(,[a-zA-Z0-9.\-]+)*"#
        case sampling = #"\d+( \d+)?"#
    }

    private struct Element {
        var required: [String: Kind] = [:]
        var optional: [String: Kind] = [:]
        /// In this order; `max` nil is any number.
        var children: [(name: String, min: Int, max: Int?)] = []
    }

    private static let elements: [String: Element] = [
        "MPD": Element(
            required: ["profiles": .uri, "minBufferTime": .duration],
            optional: [
                "id": .text, "type": .presentation, "availabilityStartTime": .dateTime, "publishTime": .dateTime,
                "mediaPresentationDuration": .duration, "minimumUpdatePeriod": .duration, "timeShiftBufferDepth": .duration,
                "suggestedPresentationDelay": .duration, "maxSegmentDuration": .duration,
            ],
            children: [("ServiceDescription", 0, nil), ("Period", 1, nil), ("UTCTiming", 0, nil)]),
        "ServiceDescription": Element(optional: ["id": .unsigned], children: [("Latency", 0, nil), ("PlaybackRate", 0, nil)]),
        "Latency": Element(optional: ["referenceId": .unsigned, "target": .unsigned, "max": .unsigned, "min": .unsigned]),
        "PlaybackRate": Element(optional: ["max": .double, "min": .double]),
        "Period": Element(optional: ["id": .text, "start": .duration, "duration": .duration], children: [("AdaptationSet", 0, nil)]),
        "AdaptationSet": Element(
            optional: ["id": .unsigned, "contentType": .content, "mimeType": .text, "segmentAlignment": .boolean],
            children: [("ProducerReferenceTime", 0, nil), ("SegmentTemplate", 0, 1), ("Representation", 0, nil)]),
        "ProducerReferenceTime": Element(
            required: ["id": .unsigned, "wallClockTime": .dateTime, "presentationTime": .long], optional: ["inband": .boolean, "type": .producer],
            children: [("UTCTiming", 0, 1)]),
        "SegmentTemplate": Element(
            optional: [
                "timescale": .unsigned, "presentationTimeOffset": .long, "startNumber": .unsigned, "availabilityTimeOffset": .double,
                "availabilityTimeComplete": .boolean, "initialization": .uri, "media": .uri,
            ],
            children: [("SegmentTimeline", 0, 1)]),
        "SegmentTimeline": Element(children: [("S", 1, nil)]),
        "S": Element(required: ["d": .long], optional: ["t": .long, "r": .integer]),
        "Representation": Element(
            required: ["id": .uri, "bandwidth": .unsigned],
            optional: ["codecs": .codecs, "width": .unsigned, "height": .unsigned, "audioSamplingRate": .sampling],
            children: [("AudioChannelConfiguration", 0, nil)]),
        "AudioChannelConfiguration": Element(required: ["schemeIdUri": .uri], optional: ["value": .text]),
        "UTCTiming": Element(required: ["schemeIdUri": .uri], optional: ["value": .text]),
    ]

    static func check(_ text: String) throws {
        let document: XMLDocument
        do {
            document = try XMLDocument(xmlString: text)
        } catch {
            throw Wrong(description: "no XML: \(error)")
        }
        guard let root = document.rootElement(), root.name == "MPD", root.uri == "urn:mpeg:dash:schema:mpd:2011" else {
            throw Wrong(description: "no MPD")
        }
        try self.check(root)
        try self.checkRules(root)
    }

    private static func check(_ element: XMLElement) throws {
        let name = element.name ?? ""
        guard let known = self.elements[name] else { throw Wrong(description: "\(name) is not known") }
        var missing = Set(known.required.keys)
        for attribute in element.attributes ?? [] where attribute.name != "xmlns" {
            let key = attribute.name ?? ""
            guard let kind = known.required[key] ?? known.optional[key] else { throw Wrong(description: "\(name) has \(key)") }
            let value = attribute.stringValue ?? ""
            guard value.wholeMatch(of: try Regex(kind.rawValue)) != nil else { throw Wrong(description: "\(name)@\(key) is \(value)") }
            missing.remove(key)
        }
        guard missing.isEmpty else { throw Wrong(description: "\(name) has no \(missing.sorted())") }
        let children = element.all
        var rest = children[...]
        for (child, least, most) in known.children {
            let found = rest.prefix { $0.name == child }
            guard found.count >= least, most.map({ found.count <= $0 }) ?? true else {
                throw Wrong(description: "\(name) has \(found.count) of \(child)")
            }
            rest = rest.dropFirst(found.count)
        }
        if let other = rest.first?.name { throw Wrong(description: "\(other) in \(name) is out of place") }
        for child in children { try self.check(child) }
    }

    private static func checkRules(_ root: XMLElement) throws {
        func value(_ name: String) -> String? { root.text(name) }
        func demand(_ rule: Bool, _ what: String) throws { if !rule { throw Wrong(description: what) } }
        if value("type") == "dynamic" {
            try demand(value("availabilityStartTime") != nil && value("publishTime") != nil, "§5.3.1.2: a dynamic MPD says since when")
            try demand(value("minimumUpdatePeriod") != nil || value("mediaPresentationDuration") != nil, "§5.3.1.2: neither update nor end")
        } else {
            try demand(value("mediaPresentationDuration") != nil, "§5.3.1.2: a static MPD says how long it is")
            for name in ["minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay"] {
                try demand(value(name) == nil, "§5.3.1.2: \(name) in a static MPD")
            }
        }
        try demand(value("profiles")?.contains("urn:mpeg:dash:profile:isoff-live:2011") == true, "§8.4: the profile")
        let periods = root.all("Period")
        try demand(Set(periods.map { $0.text("id") }).count == periods.count, "§5.3.2.2: a Period's id stands twice")
        let starts = periods.compactMap { Double(($0.text("start") ?? "").dropFirst(2).dropLast()) }
        try demand(starts.count == periods.count && starts == starts.sorted(), "§5.3.2.1: Periods are in order")
        for set in periods.flatMap({ $0.all("AdaptationSet") }) {
            let template = set.all("SegmentTemplate").first
            try demand(template?.text("media")?.contains("$Number$") == true, "§5.3.9.4: the template")
            let runs = template?.all("SegmentTimeline").first?.all("S") ?? []
            try demand(runs.first?.text("t") != nil, "§5.3.9.6: where the timeline begins")
            var end = 0
            for run in runs {
                let start = run.text("t").flatMap { Int($0) } ?? end
                try demand(start >= end, "§5.3.9.6: segments overlap")
                let count = 1 + (run.text("r").flatMap { Int($0) } ?? 0)
                end = start + count * (run.text("d").flatMap { Int($0) } ?? 0)
            }
            try demand(!set.all("Representation").isEmpty, "§5.3.3: an AdaptationSet without Representation")
        }
    }
}

/// By name alone: what Foundation looks up by name it does not find where there is a default namespace.
extension XMLElement {
    fileprivate var all: [XMLElement] { (self.children ?? []).compactMap { $0 as? XMLElement } }
    fileprivate func all(_ name: String) -> [XMLElement] { self.all.filter { $0.name == name } }
    fileprivate func text(_ name: String) -> String? { (self.attributes ?? []).first { $0.name == name }?.stringValue }
}
