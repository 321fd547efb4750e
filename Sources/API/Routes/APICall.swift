import Foundation
import Hummingbird
import NIOCore

/// One request to one route, with its parameters taken apart.
struct APICall: Sendable {
    /// Bytes a JSON body may have.
    static let longestBody = 1 << 20

    let request: Request
    let parameters: [String: String]
    let query: QueryText
    /// Host name the client reached, without port; nil when it did not say a usable one.
    let host: String?

    /// A segment of the path; the template guarantees that it is there.
    func segment(_ name: String) -> String { self.parameters[name] ?? "" }

    /// A number in the path; anything else is a path that does not exist.
    func integer(_ name: String) throws(APIFault) -> Int {
        guard let number = Int(self.segment(name)) else { throw .unknownPath }
        return number
    }

    /// A number in the query, if given; anything else is a resource that does not exist.
    func integer(query name: String) throws(APIFault) -> Int? {
        guard let text = self.query[name], !text.isEmpty else { return nil }
        guard let number = Int(text) else { throw .unknownPath }
        return number
    }

    /// Everything but `true` is false.
    static func boolean(_ text: String) -> Bool { text.lowercased() == "true" }

    func boolean(query name: String, default value: Bool) -> Bool { self.query[name].map { Self.boolean($0) } ?? value }

    /// The JSON body; nil when there is none, or `null`.
    /// - Throws: `notJSON` for another media type, `bodyTooLarge`, `malformedJSON`.
    func body<Value: Decodable>(_ type: Value.Type) async throws(APIFault) -> Value? {
        if let length = self.request.headers[.contentLength].flatMap({ Int($0) }), length > Self.longestBody { throw .bodyTooLarge }
        let buffer: ByteBuffer
        do {
            buffer = try await self.request.body.collect(upTo: Self.longestBody)
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge
        } catch {
            throw .bodyBroken
        }
        guard buffer.readableBytesView.contains(where: { $0 > 0x20 }) else { return nil }
        if let type = self.request.headers[.contentType], !Self.isJSON(type) { throw .notJSON }
        do {
            return try JSONDecoder().decode(Value?.self, from: Data(buffer.readableBytesView))
        } catch let error as DecodingError {
            throw .malformedJSON(Self.words(for: error))
        } catch {
            throw .malformedJSON("The body is not valid JSON.")
        }
    }

    /// `application/json` and its relatives, with any parameters.
    static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        return type == "application/json" || type == "text/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }

    private static func words(for error: DecodingError) -> String {
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let given), .valueNotFound(_, let given), .keyNotFound(_, let given), .dataCorrupted(let given): context = given
        @unknown default: return "The body is not what is expected here."
        }
        let path = context.codingPath.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }.joined(separator: ".")
        if path.isEmpty {
            if case .dataCorrupted = error { return "The body is not valid JSON, or a number in it is out of range." }
            return "The body does not have the expected form."
        }
        return "The value of \(path) has the wrong type."
    }
}
