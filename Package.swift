// swift-tools-version: 6.2
import PackageDescription

// The floors and arrows of this house are explained in docs/house.md and checked by Tests/HouseTests.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }

let nioCore = nio("NIOCore")
let nioPosix = nio("NIOPosix")
let nioHTTP1 = nio("NIOHTTP1")
let nioWebSocket = nio("NIOWebSocket")
let nioTLS = nio("NIOTLS")
let nioEmbedded = nio("NIOEmbedded")
let nioFoundation = nio("NIOFoundationCompat")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

func room(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource]? = nil) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "martlet", targets: ["Server"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // Cellar: module maps and shims only.
        .systemLibrary(
            name: "CFFmpeg", pkgConfig: "libavformat",
            providers: [.apt(["libavformat-dev", "libavcodec-dev", "libavutil-dev", "libswscale-dev", "libswresample-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSRT", pkgConfig: "srt", providers: [.apt(["libsrt-gnutls-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .target(name: "CConnectGuard"),

        // Ground: pure. No I/O, no clock, no async, no Foundation.
        room("Media", [nioCore]),
        room("RTMP", ["Media", nioCore]),
        room("Packaging", ["Media", nioCore]),

        // Floor 1: equipment.
        room("Streams", ["Media", nioCore]),
        room("AV", ["Media", "CFFmpeg", nioCore]),
        room("Egress", ["CConnectGuard", nioCore]),
        room("SRT", ["CSRT"]),
        room("Store", [grdb], resources: [.embedInCode("Migrations")]),
        room("TransportSecurity", ["COpenSSL", nioSSL, logging]),
        room(
            "HTTP",
            ["CNGHTTP2", hummingbirdCore, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioTLS, nioHTTPTypes, nioHTTPTypesHTTP1, httpTypes, logging]),

        // Floor 2: traffic.
        room("Gateways", ["Streams", "Media", "RTMP", "AV", "SRT", "Egress", nioCore, nioPosix, logging]),
        room("Outputs", ["Streams", "Media", "RTMP", "Packaging", "AV", "SRT", "Egress", "CZlib", nioCore, nioPosix, nioSSL, logging]),

        // Floor 3: management.
        room("Broadcasts", ["Store", "Streams", "Media", "RTMP", "Gateways", "Outputs", "AV", "Egress", nioCore, logging]),

        // Floor 4: reception.
        room(
            "API", ["Broadcasts", "Store", "Streams", "Media", "Gateways", "Outputs", "HTTP", hummingbird, nioCore, httpTypes, logging],
            resources: [.embedInCode("Pages/Assets")]),

        // Roof.
        .executableTarget(
            name: "Server",
            dependencies: [
                "API", "Broadcasts", "Store", "Streams", "Media", "RTMP", "Gateways", "Outputs", "AV", "HTTP", "Egress", "TransportSecurity",
                hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix, nioHTTP1, yams, logging, argumentParser, serviceLifecycle, unixSignals,
            ],
            swiftSettings: strict),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Media", nioCore], path: "Tests/TestSupport", swiftSettings: strict),
        .target(
            name: "BroadcastSupport", dependencies: ["Broadcasts", "Gateways", "Streams", "Media", "TestSupport", nioCore],
            path: "Tests/BroadcastSupport", swiftSettings: strict),
        tests("MediaTests", ["Media", "TestSupport", nioCore]),
        tests("RTMPTests", ["RTMP", "Media", "TestSupport", nioCore], resources: [.copy("Vectors")]),
        tests("PackagingTests", ["Packaging", "Media", "TestSupport", nioCore]),
        tests("StreamsTests", ["Streams", "Media", "TestSupport", nioCore]),
        tests("AVTests", ["AV", "Media", "TestSupport", nioCore]),
        tests("SRTTests", ["SRT", "TestSupport"]),
        tests("EgressTests", ["Egress", "TestSupport", nioCore]),
        tests("StoreTests", ["Store", "TestSupport", grdb]),
        tests("TransportSecurityTests", ["TransportSecurity", "TestSupport", nioSSL, logging]),
        tests(
            "HTTPTests",
            [
                "HTTP", "TransportSecurity", "CNGHTTP2", "TestSupport", hummingbirdCore, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioTLS, nioSSL,
                nioEmbedded,
                nioHTTPTypes, httpTypes, logging, serviceLifecycle,
            ]),
        tests(
            "GatewaysTests",
            [
                "Gateways", "TransportSecurity", "Streams", "RTMP", "Media", "AV", "SRT", "Egress", "TestSupport", nioCore, nioPosix, nioEmbedded,
                nioSSL,
                logging,
            ]),
        tests(
            "OutputsTests",
            ["Outputs", "Streams", "RTMP", "Packaging", "AV", "SRT", "Media", "TestSupport", nioCore, nioPosix, nioEmbedded, nioSSL, logging]),
        tests(
            "BroadcastsTests",
            [
                "Broadcasts", "Store", "Streams", "Outputs", "Gateways", "AV", "Media", "BroadcastSupport", "TestSupport", nioCore, nioPosix,
                nioEmbedded,
                logging,
            ]),
        tests(
            "APITests",
            [
                "API", "Broadcasts", "Store", "Streams", "Outputs", "Gateways", "HTTP", "Media", "BroadcastSupport", "TestSupport", hummingbird,
                hummingbirdCore, nioCore, nioPosix, nioHTTP1, httpTypes, logging,
                serviceLifecycle,
            ]),
        tests("ServerTests", ["Server", "AV", "Outputs", "Streams", "TestSupport", nioCore, nioPosix, yams, logging, argumentParser]),
        tests("HouseTests", ["TestSupport"]),
        tests("EndToEndTests", ["TestSupport"], exclude: ["Peers"]),
    ],
    swiftLanguageModes: [.v6]
)
