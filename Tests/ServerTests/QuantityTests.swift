import Testing

@testable import Server

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("0s", 0), ("1ms", 1), ("500ms", 500), ("2s", 2000), ("60s", 60_000), ("1m", 60_000), ("2h", 7_200_000),
    ])
    func durationsAreRead(text: String, milliseconds: Int64) throws {
        #expect(try #require(Quantity.duration(text)).milliseconds == milliseconds)
    }

    @Test(arguments: ["", "s", "2", "-1s", "1.5s", "2 s", "2S", "1d", "1m30s", "9223372036854775807h", "99999999999999999999s", "٣s"])
    func whatIsNoDurationIsRefused(text: String) {
        #expect(Quantity.duration(text) == nil)
    }

    @Test(arguments: [
        ("0", 0), ("100B", 100), ("50KB", 50_000), ("50MB", 50_000_000), ("1GB", 1_000_000_000), ("1KiB", 1024), ("4MiB", 4_194_304),
        ("1GiB", 1_073_741_824),
    ])
    func sizesAreRead(text: String, bytes: Int) {
        #expect(Quantity.size(text) == bytes)
    }

    @Test(arguments: ["", "5", "5M", "5mb", "-5MB", "1.5GB", "5 MB", "99999999999GB"]) func whatIsNoSizeIsRefused(text: String) {
        #expect(Quantity.size(text) == nil)
    }

    @Test(arguments: [0, 1, 999, 1000, 1001, 1024, 1500, 8_000_000, 4_194_304, 1_000_000_000]) func aSizeIsWrittenSoThatItReadsBack(bytes: Int) {
        #expect(Quantity.size(Quantity.text(bytes: bytes)) == bytes)
    }

    @Test(arguments: [0, 1, 30, 999, 1000, 1500, 60_000, 61_000, 3_600_000]) func aDurationIsWrittenSoThatItReadsBack(milliseconds: Int) {
        let duration = Duration.milliseconds(milliseconds)
        #expect(Quantity.duration(Quantity.text(duration)) == duration)
    }
}
