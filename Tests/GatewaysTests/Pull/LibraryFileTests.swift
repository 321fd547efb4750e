import Foundation
import Testing

@testable import Gateways

@Suite struct LibraryFileTests {
    private let files: PullFiles

    init() throws {
        self.files = try PullFiles()
        try FileManager.default.createDirectory(atPath: self.files.path("library/films"), withIntermediateDirectories: true)
        try self.files.write([0, 0, 0, 24, 0x66, 0x74, 0x79, 0x70], to: "library/films/a.mp4")
        try self.files.write([1, 2, 3], to: "secret.mp4")
    }

    private func resolve(_ path: String) -> Result<String, PullFailure> {
        Result { () throws(PullFailure) in try LibraryFile.resolve(path, in: LibraryFolder(path: self.files.path("library"))) }
    }

    private func cause(_ path: String) -> PullFailure.Cause? {
        if case .failure(let failure) = self.resolve(path) { failure.cause } else { nil }
    }

    @Test func onlyItsOwnSchemeNamesALibraryFile() {
        #expect(LibraryFile.path(of: "vod:films/a.mp4") == "films/a.mp4")
        #expect(LibraryFile.path(of: "vod:///films/a.mp4") == "films/a.mp4")
        #expect(LibraryFile.path(of: "http://h/vod:x") == nil)
        #expect(LibraryFile.path(of: "VOD:x") == nil)
    }

    @Test func aFileBelowTheLibraryIsFound() throws {
        #expect(try self.resolve("films/a.mp4").get().hasSuffix("/library/films/a.mp4"))
    }

    @Test(arguments: ["../secret.mp4", "films/../../secret.mp4", "films/..", "..", "", "a\u{0}b", "a\nb", String(repeating: "a", count: 2_000)])
    func pathsThatLeadOutsideAreRefusedUnseen(path: String) {
        #expect(LibraryFile.refusal(of: path)?.cause == .addressNotAllowed)
        #expect(self.cause(path) == .addressNotAllowed)
    }

    @Test func aNameWithDotsIsOnlyAName() {
        #expect(LibraryFile.refusal(of: "films/a..b.mp4") == nil)
        #expect(LibraryFile.refusal(of: "...") == nil)
    }

    @Test func aLinkThatLeadsOutsideIsRefused() throws {
        try FileManager.default.createSymbolicLink(atPath: self.files.path("library/link.mp4"), withDestinationPath: "../secret.mp4")
        try FileManager.default.createSymbolicLink(atPath: self.files.path("library/outside"), withDestinationPath: "..")
        #expect(self.cause("link.mp4") == .addressNotAllowed)
        #expect(self.cause("outside/secret.mp4") == .addressNotAllowed)
    }

    @Test func aLinkWithinTheLibraryIsFollowed() throws {
        try FileManager.default.createSymbolicLink(atPath: self.files.path("library/link.mp4"), withDestinationPath: "films/a.mp4")
        #expect(try self.resolve("link.mp4").get().hasSuffix("/library/films/a.mp4"))
    }

    @Test func aDirectoryWhoseNameBeginsLikeTheLibrarysIsOutside() throws {
        try FileManager.default.createDirectory(atPath: self.files.path("library-2"), withIntermediateDirectories: true)
        try self.files.write([1], to: "library-2/x.mp4")
        try FileManager.default.createSymbolicLink(atPath: self.files.path("library/x.mp4"), withDestinationPath: "../library-2/x.mp4")
        #expect(self.cause("x.mp4") == .addressNotAllowed)
    }

    @Test func whatIsNoFileIsNotOpened() throws {
        #expect(self.cause("films") == .notFound)
        #expect(self.cause("films/none.mp4") == .notFound)
        #expect(mkfifo(self.files.path("library/pipe.mp4"), 0o600) == 0)
        #expect(self.cause("pipe.mp4") == .notFound)
        try self.files.write([], to: "library/empty.mp4")
        #expect(self.cause("empty.mp4") == .nothingToPlay)
    }

    @Test func aPlaylistThatCallsItselfAFilmIsNotOpened() throws {
        try self.files.write(Array("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".utf8), to: "library/film.mp4")
        #expect(self.cause("film.mp4") == .addressNotAllowed)
    }
}
