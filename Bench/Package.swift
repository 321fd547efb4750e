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
    targets: [
        .systemLibrary(name: "CLinux"),
        .executableTarget(name: "Bench", dependencies: ["CLinux"], swiftSettings: strict),
        .testTarget(name: "BenchTests", dependencies: ["Bench"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
