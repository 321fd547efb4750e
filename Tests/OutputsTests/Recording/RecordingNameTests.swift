import Foundation
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordingNameTests {
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
        // One that is about to get its final name.
        try FileManager.default.moveItem(atPath: directory + "cam.mp4", toPath: directory + "cam.mp4.tmp_complete")
        #expect(try claim() == "cam_3.mp4")
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
