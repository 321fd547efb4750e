import Foundation
import Testing

/// Runs every kept input of the fuzzer of forms through the same function as it does.
@Suite struct SRTStreamIDReplayTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz")

    @Test func keptInputsHaveNoFinding() throws {
        let corpus = Self.package.appending(path: "Corpus/FuzzSRTStreamID")
        let inputs = try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
        #expect(inputs.count >= 3)
        let cases = Self.package.appending(path: "FailCases/FuzzSRTStreamID")
        for input in try inputs + FileManager.default.contentsOfDirectory(at: cases, includingPropertiesForKeys: nil) {
            #expect(SRTStreamIDEntry.run(Array(try Data(contentsOf: input))) == nil, "\(input.lastPathComponent)")
        }
    }
}
