import Foundation
import Testing

/// Recorded bytes; a missing file is a failure, never a skip.
enum Vectors {
    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: nil), "Vectors/\(name) is missing")
        return Array(try Data(contentsOf: url))
    }
}
