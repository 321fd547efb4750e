import Testing

@testable import Server

@Suite struct LadderRungTests {
    @Test(arguments: [
        ("480p900kbps", 480, 900, 0), ("360p500kbps+64kbps", 360, 500, 64), ("16p10kbps", 16, 10, 0),
        ("4320p200000kbps+512kbps", 4_320, 200_000, 512),
    ]) func aRungSaysItsHeightAndItsRates(text: String, height: Int, video: Int, audio: Int) throws {
        let rung = try #require(LadderRung(text))
        #expect(rung.height == height && rung.video == video && rung.audio == audio)
        #expect(rung.description == text)
    }

    @Test(arguments: [
        "", "480", "480p", "480p900", "480p900k", "p900kbps", "481p900kbps", "14p900kbps", "4322p900kbps", "480p9kbps", "480p200001kbps",
        "480p900kbps+", "480p900kbps+7kbps", "480p900kbps+513kbps", "480p900kbps+64kbps+64kbps", "-480p900kbps", "480p+900kbps", "480p 900kbps",
        "999999999999999999999p900kbps", "٤٨٠p900kbps",
    ]) func whatIsNoRungIsRefused(text: String) {
        #expect(LadderRung(text) == nil)
    }

    @Test func aLadderIsReadFromTheFileAndFromTheEnvironment() throws {
        let row = try #require(SettingTable["renditions.ladder"])
        var settings = Settings()
        #expect(row.environmentName == "MARTLET_RENDITIONS_LADDER")
        #expect(row.assign(.scalar("480p900kbps,360p500kbps+64kbps", isQuoted: false), &settings))
        #expect(row.text(settings) == "[480p900kbps, 360p500kbps+64kbps]")
        #expect(row.assign(.list(["240p300kbps"]), &settings))
        #expect(settings.renditions.ladder.map(\.height) == [240])
        #expect(!row.assign(.list(["240p300kbps", "what"]), &settings))
    }
}
