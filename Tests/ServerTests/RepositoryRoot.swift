import Foundation

/// The top of the source tree, three levels above this file.
enum RepositoryRoot {
    static let path = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
}
