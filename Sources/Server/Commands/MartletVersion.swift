/// The version of this build, as `--version` and `/v2/version` tell it.
enum MartletVersion {
    static let name = "0.1.0"
}
