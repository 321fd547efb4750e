/// The arrows of docs/house.md as data: what each room may import. Whatever is not listed is forbidden.
struct Room {
    enum Floor: Int {
        case cellar
        case ground
        case equipment
        case traffic
        case management
        case reception
        case roof
    }

    let name: String
    let floor: Floor
    /// Rooms below.
    let rooms: Set<String>
    /// Modules of packages and of the cellar.
    let modules: Set<String>
    /// Modules that come with Swift or the system.
    let system: Set<String>

    static let all: [Room] = [
        Room(name: "CFFmpeg", floor: .cellar, rooms: [], modules: [], system: []),
        Room(name: "CNGHTTP2", floor: .cellar, rooms: [], modules: [], system: []),
        Room(name: "COpenSSL", floor: .cellar, rooms: [], modules: [], system: []),
        Room(name: "CSRT", floor: .cellar, rooms: [], modules: [], system: []),
        Room(name: "CZlib", floor: .cellar, rooms: [], modules: [], system: []),
        Room(name: "CConnectGuard", floor: .cellar, rooms: [], modules: [], system: []),

        Room(name: "Media", floor: .ground, rooms: [], modules: ["NIOCore"], system: []),
        Room(name: "RTMP", floor: .ground, rooms: ["Media"], modules: ["NIOCore"], system: []),
        Room(name: "Packaging", floor: .ground, rooms: ["Media"], modules: ["NIOCore"], system: []),

        Room(name: "Streams", floor: .equipment, rooms: ["Media"], modules: ["NIOCore"], system: ["Synchronization"]),
        Room(
            name: "AV", floor: .equipment, rooms: ["Media"], modules: ["NIOCore", "CFFmpeg"],
            system: ["Synchronization", "Glibc", "Dispatch", "Foundation"]),
        Room(
            name: "Egress", floor: .equipment, rooms: [], modules: ["NIOCore", "CConnectGuard"], system: ["Synchronization", "Glibc"]),
        Room(name: "SRT", floor: .equipment, rooms: [], modules: ["CSRT"], system: ["Synchronization", "Glibc"]),
        Room(name: "Store", floor: .equipment, rooms: [], modules: ["GRDB"], system: ["Synchronization", "Foundation"]),
        Room(
            name: "TransportSecurity", floor: .equipment, rooms: [], modules: ["COpenSSL", "NIOSSL", "Logging"],
            system: ["Synchronization", "Glibc"]),
        Room(
            name: "HTTP", floor: .equipment, rooms: [],
            modules: [
                "CNGHTTP2", "HummingbirdCore", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket", "NIOTLS", "NIOHTTPTypes", "NIOHTTPTypesHTTP1",
                "HTTPTypes", "Logging",
            ],
            system: ["Synchronization", "Glibc", "Foundation"]),

        Room(
            name: "Gateways", floor: .traffic, rooms: ["Streams", "Media", "RTMP", "AV", "SRT", "Egress"],
            modules: ["NIOCore", "NIOPosix", "Logging"],
            system: ["Synchronization", "Glibc"]),
        Room(
            name: "Outputs", floor: .traffic, rooms: ["Streams", "Media", "RTMP", "Packaging", "AV", "SRT", "Egress"],
            modules: ["CZlib", "NIOCore", "NIOPosix", "NIOSSL", "Logging"], system: ["Synchronization", "Glibc", "Dispatch", "Foundation"]),

        Room(
            name: "Broadcasts", floor: .management, rooms: ["Store", "Streams", "Media", "RTMP", "Gateways", "Outputs", "AV", "Egress"],
            modules: ["NIOCore", "Logging"], system: ["Synchronization", "Glibc", "Dispatch", "Foundation"]),

        Room(
            name: "API", floor: .reception, rooms: ["Broadcasts", "Store", "Streams", "Media", "Gateways", "Outputs", "HTTP"],
            modules: ["Hummingbird", "NIOCore", "HTTPTypes", "Logging"], system: ["Synchronization", "Glibc", "Foundation"]),

        Room(
            name: "Server", floor: .roof,
            rooms: ["API", "Broadcasts", "Store", "Streams", "Media", "RTMP", "Gateways", "Outputs", "AV", "HTTP", "Egress", "TransportSecurity"],
            modules: [
                "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOPosix", "NIOHTTP1", "Yams", "Logging", "ArgumentParser",
                "ServiceLifecycle", "UnixSignals",
            ],
            system: ["Synchronization", "Glibc", "Dispatch", "Foundation"]),
    ]

    var allowed: Set<String> { self.rooms.union(self.modules).union(self.system) }

    static subscript(name: String) -> Room? { self.all.first { $0.name == name } }
}
