import Testing

@testable import Server

@Suite struct SecretTests {
    @Test func aSecretPrintsAsStarsEverywhere() {
        let secret = Secret("correct-horse")
        var dumped = ""
        dump(secret, to: &dumped)
        var settings = Settings()
        settings.api.token = secret
        dump(settings, to: &dumped)
        let prints = ["\(secret)", String(describing: secret), String(reflecting: secret), "\(settings)", "\([secret])", dumped]
        for print in prints { #expect(!print.contains("horse"), "\(print)") }
        #expect("\(secret)" == "***")
        #expect(secret.reveal() == "correct-horse")
    }

    @Test func anEmptySecretIsNoSecret() {
        #expect("\(Secret(""))" == "")
        #expect(Secret("").isEmpty)
    }
}
