#if canImport(Gateways)
@testable import Gateways
#endif

/// What the fuzzer of SRT's stream ids does with its bytes; `GatewaysTests` replays the corpus through it.
enum SRTStreamIDEntry {
    /// Nil, or the property that does not hold.
    static func run(_ input: [UInt8]) -> String? {
        let parsed: SRTStreamID
        do throws(SRTStreamID.Failure) {
            parsed = try SRTStreamID(input)
        } catch {
            return nil
        }
        guard input.count <= SRTStreamID.longest else { return "what is too long is refused" }
        guard !parsed.id.isEmpty else { return "an id is never empty" }
        // Two may come of u and s.
        guard parsed.parameters.count <= SRTStreamID.mostParameters + 2 else { return "parameters are bounded" }
        let texts = [parsed.app ?? "", parsed.id] + parsed.parameters.flatMap { [$0.name, $0.value] }
        guard texts.reduce(0, { $0 + $1.utf8.count }) <= input.count + "usertoken".utf8.count else { return "no more comes out than went in" }
        guard texts.allSatisfy({ !$0.utf8.contains(0) }) else { return "no text holds a NUL" }
        return nil
    }
}
