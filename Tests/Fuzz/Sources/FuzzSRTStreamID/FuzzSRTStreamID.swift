import FuzzEntries

@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let property = SRTStreamIDEntry.run(Array(UnsafeBufferPointer(start: start, count: count))) else { return 0 }
    fatalError("FuzzSRTStreamID: \(property)")
}

// SwiftPM links executables with main defined as <target>_main.
@_cdecl("FuzzSRTStreamID_main") public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    FuzzDriver.drive(argc, argv) { testOneInput($0, $1) }
}
