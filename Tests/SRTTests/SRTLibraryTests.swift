import Synchronization
import Testing

@testable import SRT

@Suite(.serialized) struct SRTLibraryTests {
    /// How deep the stack is where a handler is called, in bytes below `top`.
    private static func depth(below top: UInt) -> Int {
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { Int(top) - Int(UInt(bitPattern: $0.baseAddress)) }
    }

    /// The library complains for as long as the process lives, on threads with small stacks.
    @Test func aComplaintIsHandedOnAsTheThousandthTimeAsTheFirst() {
        let depths = Mutex<[Int]>([])
        let top = withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { UInt(bitPattern: $0.baseAddress) }
        SRTLibrary.setLogHandler { text in
            // Others may make the library complain meanwhile.
            if text == "counted" { depths.withLock { $0.append(Self.depth(below: top)) } }
        }
        defer { SRTLibrary.setLogHandler(nil) }
        for _ in 0..<1_000 { "counted".withCString { SRTLibrary.received($0) } }
        let seen = depths.withLock { $0 }
        #expect(seen.count == 1_000)
        #expect(Set(seen).count == 1)
    }
}
