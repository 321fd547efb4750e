import Foundation
import Yams

/// Reads a YAML file of settings into keys, raw values and line numbers. Knows which keys exist, not what they may hold.
struct SettingsFile {
    struct Entry: Equatable {
        let path: String
        let value: RawSetting
        let line: Int
    }

    private static let sizeLimit = 1 << 20
    /// Yams refuses a mapping with a repeated key as a whole. To name all that is wrong in one go, the first of the two keys is marked with this
    /// private-use character and the file is read again; the walk over the keys takes the mark off and reports the repetition itself.
    private static let duplicateMark: Character = "\u{E000}"

    let name: String
    private(set) var entries: [Entry] = []
    private(set) var problems: [SettingsProblem] = []
    private var lines: [String: Int] = [:]

    /// Reads the file at `path`, which is also how it is called in messages.
    init(path: String) {
        self.name = path
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            self.report(line: nil, key: "", .wrong("cannot be read: \(Self.cause(of: error))"))
            return
        }
        guard data.count <= Self.sizeLimit, let text = String(data: data, encoding: .utf8) else {
            self.report(line: nil, key: "", .wrong("is not a UTF-8 text of at most 1 MiB"))
            return
        }
        self.read(text)
    }

    init(name: String, text: String) {
        self.name = name
        self.read(text)
    }

    private mutating func read(_ text: String) {
        do {
            guard let root = try Self.compose(text) else { return }
            guard case .mapping(let mapping) = root else {
                if !Self.isNull(root) { self.report(line: root.mark?.line, key: "", .wrong("the settings must be a mapping of keys to values")) }
                return
            }
            self.walk(mapping, section: nil)
        } catch {
            let (line, what) = Self.explain(error)
            self.report(line: line, key: "", .wrong(what))
        }
    }

    private static func compose(_ text: String) throws -> Node? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
        var marks = 0
        while true {
            do {
                return try Yams.compose(yaml: marks == 0 ? text : lines.map { String(String.UnicodeScalarView($0)) }.joined(separator: "\n"))
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let row = context.mark.line - 1
                var column = context.mark.column - 1
                guard marks < 1000, lines.indices.contains(row), lines[row].indices.contains(column) else {
                    throw YamlError.duplicatedKeysInMapping(duplicates: keys, context: context)
                }
                if lines[row][column] == "\"" || lines[row][column] == "'" { column += 1 }
                lines[row].insert(contentsOf: Self.duplicateMark.unicodeScalars, at: column)
                marks += 1
            }
        }
    }

    private mutating func walk(_ mapping: Node.Mapping, section: String?) {
        for (key, value) in mapping {
            let line = key.mark?.line ?? value.mark?.line ?? 0
            guard case .scalar(let scalar) = key else {
                self.report(line: line, key: section ?? "", .wrong("a key must be a plain word"))
                continue
            }
            let name = scalar.string.filter { $0 != Self.duplicateMark }
            let path = section.map { "\($0).\(name)" } ?? name
            if let first = self.lines[path] {
                self.report(line: line, key: path, .duplicate(first: .file(path: self.name, line: min(first, line))))
            } else {
                self.lines[path] = line
            }
            if section == nil, SettingTable.sections.contains(name) {
                self.walkSection(value, name: name, line: line)
            } else if !name.contains("."), SettingTable[path] != nil {
                self.entries.append(Entry(path: path, value: Self.raw(value), line: line))
            } else {
                let nested = name.contains(".") && SettingTable[path] != nil
                let suggestion = nested ? "\(path), written as a key of its section," : SettingTable.suggestion(for: path)
                self.report(line: line, key: path, .unknownKey(suggestion: suggestion))
            }
        }
    }

    private mutating func walkSection(_ node: Node, name: String, line: Int) {
        if case .mapping(let mapping) = node {
            self.walk(mapping, section: name)
        } else if !Self.isNull(node) {
            self.report(line: line, key: name, .notAllowed(value: Self.raw(node).text, allowed: "a mapping of keys to values"))
        }
    }

    private mutating func report(line: Int?, key: String, _ reason: SettingsProblem.Reason) {
        self.problems.append(SettingsProblem(source: .file(path: self.name, line: line), key: key, reason: reason))
    }

    private static func isNull(_ node: Node) -> Bool {
        Self.raw(node) == .nothing
    }

    private static func raw(_ node: Node) -> RawSetting {
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            let isNull = !isQuoted && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return isNull ? .nothing : .scalar(scalar.string, isQuoted: isQuoted)
        case .sequence(let sequence):
            let items = sequence.compactMap { item in if case .scalar(let scalar) = item { scalar.string } else { nil } }
            return items.count == sequence.count ? .list(items) : .nestedList
        case .mapping:
            return .mapping
        case .alias:
            return .nothing
        }
    }

    private static func explain(_ error: any Error) -> (line: Int?, what: String) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            return (mark.line, "is not YAML: \(problem)")
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            return (context.mark.line, "keys are repeated: \(keys.joined(separator: ", "))")
        case YamlError.reader(let problem, _, _, _):
            return (nil, "is not YAML: \(problem)")
        default:
            return (nil, "is not YAML")
        }
    }

    private static func cause(of error: any Error) -> String {
        let cocoa = error as NSError
        switch CocoaError.Code(rawValue: cocoa.code) {
        case .fileReadNoSuchFile: return "there is no such file"
        case .fileReadNoPermission: return "permission denied"
        default: return cocoa.localizedDescription
        }
    }
}

extension SettingTable {
    /// The key that somebody may have meant by a wrong one.
    static func suggestion(for path: String) -> String? {
        let all = Self.all.map(\.path)
        if let near = Spelling.nearest(to: path, among: all) { return near }
        // The right name in the wrong section: `http.maxHeight`.
        let last = path.split(separator: ".").last.map { String($0) } ?? path
        return all.first { $0 == last || $0.hasSuffix(".\(last)") }
    }
}
