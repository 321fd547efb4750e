import Foundation
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordingNameTests {
    @Test(arguments: [
        ("cam", "cam"), ("cam.mp4", "cam"), ("cam.MP4", "cam"), ("cam.mp4.mp4", "cam.mp4"), ("cam.webm", "cam.webm"),
        ("../../etc/passwd", ".._.._etc_passwd"), ("a\\b", "a_b"), ("a\u{0}b\nc\u{7f}d\u{85}e", "a_b_c_d_e"), ("mp4", "mp4"),
        ("été 2026", "été 2026"),
    ])
    func aClientsFileNameIsMadeSafe(given: String, expected: String) {
        #expect(RecordingName.sanitised(given) == expected)
    }

    @Test func nothingButAnExtensionIsNoName() {
        #expect(RecordingName.sanitised("") == nil)
        #expect(RecordingName.sanitised(".mp4") == nil)
    }

    @Test(arguments: [119, 120, 121, 500]) func aNameIsCutAt120Units(length: Int) {
        #expect(RecordingName.sanitised(String(repeating: "n", count: length))?.count == min(length, 120))
    }

    @Test func aCutNeverSplitsACharacter() throws {
        // A family emoji is 11 UTF-16 units and 25 bytes.
        let name = try #require(RecordingName.sanitised(String(repeating: "👨‍👩‍👧‍👦", count: 50)))
        #expect(name.utf8.count <= RecordingName.longestNameBytes)
        #expect(name.allSatisfy { $0 == "👨‍👩‍👧‍👦" })
        #expect(name.count == 8)
    }

    @Test func aTemporaryTellsItsFinalName() {
        #expect(RecordingName(temporaryPath: "/a/b/cam_1.mp4.tmp_extension") == RecordingName(directory: "/a/b", fileName: "cam_1.mp4"))
        #expect(RecordingName(temporaryPath: "/a/b/cam_1.mp4") == nil)
        #expect(RecordingName(temporaryPath: "b/cam.mp4.tmp_extension") == nil)
        #expect(RecordingName(temporaryPath: "/a/.tmp_extension") == nil)
    }

    @Test func theIndexCountsFinalAndTemporaryFiles() throws {
        let folder = try TestFolder("recording")
        func claim() throws -> String {
            try RecordingName.claim(directory: folder.path + "/new/deeper/", baseName: "cam", format: .mp4).fileName
        }
        #expect(try claim() == "cam.mp4")
        #expect(try claim() == "cam_1.mp4")
        let directory = folder.path + "/new/deeper/"
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["cam.mp4.tmp_extension", "cam_1.mp4.tmp_extension"])
        try FileManager.default.moveItem(atPath: directory + "cam.mp4.tmp_extension", toPath: directory + "cam.mp4")
        try FileManager.default.removeItem(atPath: directory + "cam_1.mp4.tmp_extension")
        #expect(try claim() == "cam_1.mp4")
        #expect(try claim() == "cam_2.mp4")
    }

    @Test func manyAtOnceGetDifferentNames() async throws {
        let folder = try TestFolder("recording")
        let names = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    do throws(RecordingFailure) {
                        return try RecordingName.claim(directory: folder.path, baseName: "cam", format: .mp4).fileName
                    } catch {
                        return nil
                    }
                }
            }
            return await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(names.count == 50)
        #expect(names.allSatisfy { $0 != nil })
    }

    @Test(arguments: ["", "a/b", "/a", "a\u{0}", String(repeating: "n", count: 201)]) func aBaseNameThatIsAPathIsRefused(name: String) throws {
        let folder = try TestFolder("recording")
        #expect(throws: RecordingFailure.invalidName) { try RecordingName.claim(directory: folder.path, baseName: name, format: .mp4) }
    }

    @Test(arguments: ["relative", "", "/a/../b"]) func aDirectoryThatLeadsElsewhereIsRefused(directory: String) {
        #expect(throws: RecordingFailure.invalidName) { try RecordingName.claim(directory: directory, baseName: "cam", format: .mp4) }
    }

    @Test func aDirectoryThatCannotBeMadeSaysWhy() {
        #expect {
            try RecordingName.claim(directory: "/proc/nowhere", baseName: "cam", format: .mp4)
        } throws: { error in
            guard case .io(let text)? = error as? RecordingFailure else { return false }
            return text.contains("/proc/nowhere")
        }
    }

    @Test func anotherNameKeepsTheExtension() {
        #expect(RecordingName(directory: "/a", fileName: "cam.b.mp4").alternative(3).fileName == "cam.b_3.mp4")
    }
}
