// swift-tools-version: 6.2
import PackageDescription

// The load generator of scripts/bench, a package of its own: it needs nothing of the server (so that no bug is on both sides of a
// measurement), and the server's package is not built any slower for it. How it measures: docs/bench.md.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "bench",
    platforms: [.macOS(.v15)],
    dependencies: [
        // What Hello is made of; as the server has it.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .executableTarget(name: "Bench", dependencies: ["CLinux", "COpenSSL"], swiftSettings: strict),
        // What the REST API is measured beside.
        .executableTarget(
            name: "Hello", dependencies: [.product(name: "Hummingbird", package: "hummingbird"), .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .testTarget(name: "BenchTests", dependencies: ["Bench"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
