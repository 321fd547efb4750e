import Glibc
import Testing

/// Debian's libavformat, loaded by hand: the guard has to hold for a library that knows nothing of it and that this test is not linked with.
struct FormatLibrary {
    typealias OpenBytes = @convention(c) (UnsafeMutablePointer<OpaquePointer?>, UnsafePointer<CChar>, Int32, OpaquePointer?, OpaquePointer?) -> Int32
    typealias CloseBytes = @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Int32
    typealias OpenMedia = @convention(c) (UnsafeMutablePointer<OpaquePointer?>, UnsafePointer<CChar>, OpaquePointer?, OpaquePointer?) -> Int32
    typealias CloseMedia = @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Void

    private let openBytes: OpenBytes
    private let closeBytes: CloseBytes
    private let openMedia: OpenMedia
    private let closeMedia: CloseMedia

    init() throws {
        let handle = try #require(
            (58...63).lazy.compactMap { dlopen("libavformat.so.\($0)", RTLD_NOW) }.first, "there is no libavformat")
        func symbol<T>(_ name: String, as type: T.Type) throws -> T { unsafeBitCast(try #require(dlsym(handle, name)), to: type) }
        self.openBytes = try symbol("avio_open2", as: OpenBytes.self)
        self.closeBytes = try symbol("avio_closep", as: CloseBytes.self)
        self.openMedia = try symbol("avformat_open_input", as: OpenMedia.self)
        self.closeMedia = try symbol("avformat_close_input", as: CloseMedia.self)
    }

    /// What opening a URL for reading comes to: 0, or an error number below it.
    func read(_ url: String) -> Int32 {
        var context: OpaquePointer?
        let code = self.openBytes(&context, url, 1, nil, nil)
        _ = self.closeBytes(&context)
        return min(code, 0)
    }

    func demux(_ url: String) -> Int32 {
        var context: OpaquePointer?
        let code = self.openMedia(&context, url, nil, nil)
        if context != nil { self.closeMedia(&context) }
        return min(code, 0)
    }
}
