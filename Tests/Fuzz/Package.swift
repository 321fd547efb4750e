// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the fuzzer's flags must not reach the product, and nothing but NIOCore is needed here. Run by scripts/fuzz.

let features: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]
let instrumented = features + [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])]
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")

func fuzzer(_ name: String, _ more: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzEntries", nioCore] + more, swiftSettings: instrumented,
        // The gold linker crashes on the fuzzer's sections.
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])])
}

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2")],
    targets: [
        .target(name: "Media", dependencies: [nioCore], swiftSettings: instrumented),
        .target(name: "RTMP", dependencies: ["Media", nioCore], swiftSettings: instrumented),
        .target(name: "FuzzEntries", dependencies: ["RTMP", nioCore], swiftSettings: instrumented),
        .target(name: "Multipart", dependencies: [nioCore], swiftSettings: instrumented),
        fuzzer("FuzzMultipart", ["Multipart"]),
        fuzzer("FuzzSRTStreamID"),
        fuzzer("FuzzChunks"),
        fuzzer("FuzzAMF0"),
        fuzzer("FuzzFLV"),
        fuzzer("FuzzHandshake"),
        fuzzer("FuzzServerSession"),
        fuzzer("FuzzClientSession"),
    ],
    swiftLanguageModes: [.v6]
)
