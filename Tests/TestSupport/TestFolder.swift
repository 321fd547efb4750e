import Foundation

/// A folder that goes away with the value.
public final class TestFolder: Sendable {
    public let path: String

    public init(_ purpose: String) throws {
        self.path = NSTemporaryDirectory() + "martlet-\(purpose)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.path)
        } catch {
            // A value that goes away can fail no test; a folder that stays would fill the machine unseen.
            fatalError("test folder cannot be removed: \(error)")
        }
    }

    public func path(_ name: String) -> String { self.path + "/" + name }

    /// Names of what is in it, sorted.
    public func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: self.path).sorted() }
}
