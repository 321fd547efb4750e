import FuzzEntries

@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzDriver.run("FuzzFLV", start, count)
}

// SwiftPM links executables with main defined as <target>_main.
@_cdecl("FuzzFLV_main") public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    FuzzDriver.drive(argc, argv) { FuzzDriver.run("FuzzFLV", $0, $1) }
}
