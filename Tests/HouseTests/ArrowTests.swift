import Testing

@Suite struct ArrowTests {
    @Test func everyRoomIsKnown() throws {
        #expect(try House.names(in: "Sources") == Room.all.map(\.name).sorted())
    }

    @Test func arrowsGoDownOnly() throws {
        for room in Room.all {
            for name in room.rooms {
                let other = try #require(Room[name], "\(room.name) imports \(name), which is no room")
                let isSharedGround = room.floor == .ground && name == "Media"
                #expect(other.floor.rawValue < room.floor.rawValue || isSharedGround, "\(room.name) imports \(name)")
            }
        }
    }

    @Test(arguments: Room.all.map(\.name)) func aRoomImportsOnlyWhatItMay(name: String) throws {
        let room = try #require(Room[name])
        for file in try House.files(in: "Sources/\(name)", ending: ".swift") {
            for (line, module) in SourceScan.imports(file) {
                if !room.allowed.contains(module) { Issue.record("\(file.path):\(line) imports \(module)") }
            }
        }
    }

    /// No I/O, no clock, no async, no Foundation on the ground floor: what it does follows from its arguments alone.
    @Test(arguments: Room.all.filter { $0.floor == .ground }.map(\.name)) func theGroundFloorIsPure(name: String) throws {
        let forbidden = [
            SourceScan.Rule(what: "async", needles: ["async"], pattern: #/\basync\b/#),
            SourceScan.Rule(what: "await", needles: ["await"], pattern: #/\bawait\b/#),
            SourceScan.Rule(what: "a task", needles: ["Task"], pattern: #/\bTask\s*[.{(<]/#),
            SourceScan.Rule(what: "a clock", needles: ["now()", "Clock()", "Date()"], pattern: #/\.now\(\)|Clock\(\)|\bDate\(\)/#),
            SourceScan.Rule(
                what: "randomness of its own", needles: ["andom"], pattern: #/SystemRandomNumberGenerator|\.random\(in: [^,]*\)|\.randomElement\(\)/#),
            SourceScan.Rule(what: "a lock", needles: ["Mutex", "Atomic<", "NIOLock"], pattern: #/\bMutex\b|\bAtomic<|NIOLock/#),
            SourceScan.Rule(what: "printing", needles: ["print("], pattern: #/\bprint\(/#),
        ]
        for file in try House.files(in: "Sources/\(name)", ending: ".swift") {
            for rule in forbidden {
                for line in rule.matches(in: file) { Issue.record("\(file.path):\(line) has \(rule.what)") }
            }
        }
    }

    @Test func aCModuleIsImportedByOneRoom() throws {
        for cellar in Room.all where cellar.floor == .cellar {
            var rooms: Set<String> = []
            for file in try House.files(in: "Sources", ending: ".swift") where SourceScan.imports(file).contains(where: { $0.module == cellar.name })
            {
                rooms.insert(file.room)
            }
            #expect(rooms.count == 1, "\(cellar.name) is imported by \(rooms.sorted())")
        }
    }

    /// The floor plan names every room, and says of it what the table here says.
    @Test func theFloorPlanShowsTheArrowsAsTheyAre() throws {
        let plan = try House.file("docs/house.md")
        for room in Room.all where room.floor != .cellar {
            let row = try #require(plan.lines.first { $0.hasPrefix("| \(room.name) |") }, "docs/house.md has no row for \(room.name)")
            let cell = try #require(row.split(separator: "|").last { !$0.allSatisfy(\.isWhitespace) })
            let named = Set(cell.matches(of: #/\w+/#).map { String($0.output) })
            #expect(named == room.rooms.union(room.modules), "docs/house.md, \(room.name)")
        }
    }
}
