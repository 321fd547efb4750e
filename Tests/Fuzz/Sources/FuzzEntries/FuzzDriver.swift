/// libFuzzer's own main loop. Declared by hand: there is no module for it.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argc: UnsafeMutablePointer<CInt>, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

public enum FuzzDriver {
    /// Runs one target until libFuzzer has enough.
    public static func drive(
        _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
        _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt {
        var argc = argc
        var argv = argv
        return runDriver(&argc, &argv, callback)
    }

    /// One input; a property that does not hold ends the process, which is how libFuzzer learns of it.
    public static func run(_ target: String, _ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        let bytes = Array(UnsafeBufferPointer(start: start, count: count))
        guard let entry = FuzzEntries.all.first(where: { $0.target == target }) else { fatalError("no target \(target)") }
        do throws(FuzzEntries.Finding) {
            try entry.run(bytes)
        } catch {
            fatalError("\(target): \(error.property)")
        }
        return 0
    }
}
