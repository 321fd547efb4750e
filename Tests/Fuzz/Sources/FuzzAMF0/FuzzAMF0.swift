import FuzzEntries

@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzDriver.run("FuzzAMF0", start, count)
}

// SwiftPM links executables with main defined as <target>_main.
@_cdecl("FuzzAMF0_main") public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    FuzzDriver.drive(argc, argv) { FuzzDriver.run("FuzzAMF0", $0, $1) }
}
