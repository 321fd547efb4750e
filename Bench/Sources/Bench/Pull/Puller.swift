import Foundation

/// Tells a Martlet by its REST API what to pull, and asks it how that goes.
final class Puller {
    private struct Created: Encodable {
        var streamId: String
        var type = "streamSource"
        var streamUrl: String
    }
    private struct Answer: Decodable {
        var success: Bool
        var message: String?
    }
    private struct Broadcast: Decodable {
        var status: String
        var speed: Double
    }

    private(set) var count = 0
    private let url: String
    private let port: UInt16

    init(url: String, port: UInt16) {
        self.url = url
        self.port = port
    }

    /// Creates one more broadcast of the source and starts it.
    func add() throws(LoadFailure) {
        let created = Created(streamId: Self.name(self.count), streamUrl: self.url)
        guard let body = try? JSONEncoder().encode(created) else { throw .malformed("a URL that is no text") }
        _ = try self.call("POST", "/v2/broadcasts/create", json: String(decoding: body, as: UTF8.self))
        let answer: Answer = try self.decode(try self.call("POST", "/v2/broadcasts/\(Self.name(self.count))/start"))
        guard answer.success else { throw .refused(answer.message ?? "the start of a source") }
        self.count += 1
    }

    func metrics() throws(LoadFailure) -> MetricsPage { MetricsPage(try self.call("GET", "/metrics")) }

    /// How many are broadcasting, and how far the one farthest from real time is from it.
    func states() throws(LoadFailure) -> [Metric: Double] {
        var live = 0
        var distance = 0.0
        for index in 0..<self.count {
            let broadcast: Broadcast = try self.decode(try self.call("GET", "/v2/broadcasts/\(Self.name(index))"))
            if broadcast.status == "broadcasting" { live += 1 }
            distance = max(distance, abs(broadcast.speed - 1))
        }
        return [.pulls: Double(live), .speed: distance]
    }

    private static func name(_ index: Int) -> String { "pulled\(index)" }

    private func call(_ method: String, _ path: String, json: String = "") throws(LoadFailure) -> String {
        let call = try HTTPCall(method, path, json: json, port: self.port)
        guard call.status == 200 else { throw .refused("\(method) \(path): \(call.status) \(call.body.prefix(200))") }
        return call.body
    }

    private func decode<Value: Decodable>(_ text: String) throws(LoadFailure) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch { throw .malformed("\(text.prefix(200)): \(error)") }
    }
}
