import Foundation
import Testing

/// What curl got, byte by byte as it came: nothing is decompressed.
struct HTTPAnswer {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: Data
    let seconds: Double

    var text: String { String(decoding: self.body, as: UTF8.self) }

    func json() throws -> JSON { try JSON(self.body) }

    /// `through`: a command that ends with becoming the one given behind it.
    static func fetch(
        _ method: String, _ url: String, headers: [String] = [], body: String? = nil, in lab: Lab, limit: Int = 30, through: [String] = []
    ) async throws -> HTTPAnswer {
        let stem = lab.path("curl-\(UUID().uuidString)").path
        var command = ["curl", "-sS", "--max-time", "\(limit)", "-D", stem + ".head", "-o", stem + ".body", "-w", "%{http_code} %{time_total}"]
        command += method == "HEAD" ? ["-I"] : ["-X", method]
        for header in headers { command += ["-H", header] }
        if let body { command += ["-H", "Content-Type: application/json", "--data-binary", body] }
        let child = try await lab.start("curl", through + command + [url])
        let exit = try await child.waitForExit(within: .seconds(limit + 30))
        try #require(exit == .code(0), "\(method) \(url): \(child.lastWords)")
        let figures = try child.output().split(separator: " ").map { Double($0) }
        try #require(figures.count == 2)
        let head = String(decoding: try Data(contentsOf: URL(fileURLWithPath: stem + ".head")), as: UTF8.self)
        var fields: [String: String] = [:]
        for line in head.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        // With -I curl writes the head where the body would be.
        let content = method == "HEAD" ? nil : FileManager.default.contents(atPath: stem + ".body")
        return HTTPAnswer(
            status: Int(try #require(figures[0])), headers: fields, body: content ?? Data(), seconds: try #require(figures[1]))
    }
}
