import Foundation

extension VodLibrary {
    /// The `filePath` of what a client calls a file of the library by: that path, or as it stands in URLs, `/{app}/streams/…`. Nil for what is neither.
    static func path(named name: String, apps: [String]) -> String? {
        if name.hasPrefix("streams/") { return name }
        for prefix in [""] + apps.map({ "/\($0)" }) where name.hasPrefix("\(prefix)/streams/") {
            let path = String(name.dropFirst(prefix.count + 1))
            return path.removingPercentEncoding ?? path
        }
        return nil
    }
}
