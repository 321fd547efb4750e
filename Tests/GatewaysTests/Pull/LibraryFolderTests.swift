import Foundation
import Testing

@testable import Gateways

/// What of the host is seen through links in the library: what the operator has named, and nothing else.
@Suite struct LibraryFolderTests {
    private let files: PullFiles

    init() throws {
        self.files = try PullFiles()
        for folder in ["library/films", "host/shows/old", "host-2", "other"] {
            try FileManager.default.createDirectory(atPath: self.files.path(folder), withIntermediateDirectories: true)
        }
        for file in ["library/films/a.mp4", "host/shows/b.mp4", "host/shows/old/c.mp4", "host/secret.mp4", "host-2/d.mp4", "other/e.mp4"] {
            try self.files.write([1], to: file)
        }
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: self.files.path(name), withDestinationPath: target)
    }

    private func find(_ path: String, imports: [String] = ["host"]) -> String? {
        let folder = LibraryFolder(path: self.files.path("library"), importDirectories: imports.map { $0.hasPrefix("/") ? $0 : self.files.path($0) })
        let root = LibraryFolder.real(self.files.directory) ?? ""
        return folder.resolve(path).map { "\($0.path.dropFirst(root.count + 1))\($0.isImported ? "!" : "")" }
    }

    @Test func aLinkLeadsIntoWhatIsNamed() throws {
        try self.link("library/shows", to: self.files.path("host/shows"))
        #expect(self.find("films/a.mp4") == "library/films/a.mp4")
        #expect(self.find("shows/b.mp4") == "host/shows/b.mp4!")
        #expect(self.find("shows/old/c.mp4") == "host/shows/old/c.mp4!")
        #expect(self.find("shows/b.mp4", imports: ["host/shows"]) == "host/shows/b.mp4!")
        #expect(self.find("shows/none.mp4") == nil)
    }

    @Test func whatIsNotNamedIsNotThere() throws {
        try self.link("library/shows", to: self.files.path("host/shows"))
        try self.link("library/other", to: self.files.path("other"))
        try self.link("library/near", to: self.files.path("host-2"))
        #expect(self.find("shows/b.mp4", imports: []) == nil)
        #expect(self.find("other/e.mp4") == nil)
        #expect(self.find("near/d.mp4") == nil, "its name only begins like one that is named")
    }

    @Test func noLinkLeadsOutOfAnImportedDirectory() throws {
        try self.link("library/shows", to: self.files.path("host/shows"))
        try self.link("host/shows/out.mp4", to: "../secret.mp4")
        try self.link("host/shows/up", to: "..")
        try self.link("host/shows/inside.mp4", to: "old/c.mp4")
        #expect(self.find("shows/out.mp4") == nil)
        #expect(self.find("shows/up/secret.mp4") == nil)
        #expect(self.find("shows/../../host/secret.mp4") == nil)
        #expect(self.find("shows/inside.mp4") == "host/shows/old/c.mp4!")
        // Of the library itself only what it leads to counts.
        #expect(self.find("shows/up/../library/films/a.mp4") == "library/films/a.mp4")
    }

    @Test func onlyALinkRightInTheLibraryIsAnImport() throws {
        try self.link("library/films/shows", to: self.files.path("host/shows"))
        #expect(self.find("films/shows/b.mp4") == nil)
    }

    @Test func theLibraryItselfIsNeverImported() {
        let folder = LibraryFolder(path: self.files.path("library"), importDirectories: [self.files.directory, "/"])
        let root = LibraryFolder.real(self.files.directory) ?? ""
        #expect(folder.mayBeImported(root + "/host"))
        for name in ["", "/library", "/library/films"] { #expect(!folder.mayBeImported(root + name), "\(name)") }
        #expect(!folder.mayBeImported("/"))
    }
}
