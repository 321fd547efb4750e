/// The contract's Result (0.3).
struct ResultDTO: JSONWritable, Equatable {
    var success: Bool
    var message: String?
    var dataID: String?
    var errorID: Int

    /// As the reference's constructors leave what they are not given.
    init(_ success: Bool, message: String? = "", dataID: String? = "", errorID: Int = 0) {
        self.success = success
        self.message = message
        self.dataID = dataID
        self.errorID = errorID
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("success", self.success)
            writer.member("message", self.message)
            writer.member("dataId", self.dataID)
            writer.member("errorId", self.errorID)
        }
    }
}

/// The contract's SimpleStat (0.4).
struct SimpleStatDTO: JSONWritable {
    var number: Int

    func write(to writer: inout JSONWriter) { writer.object { $0.member("number", self.number) } }
}

/// The contract's Version (2.10).
struct VersionDTO: JSONWritable {
    var versionName: String
    var buildNumber: String

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("versionName", self.versionName)
            // Clients tell editions apart by these very words; everything here is free.
            writer.member("versionType", "Community Edition")
            writer.member("buildNumber", self.buildNumber)
        }
    }
}

/// How far the look at imported files is; ours, and no part of the contract.
struct ImportProgressDTO: JSONWritable {
    var found: Int
    var done: Int

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("found", self.found)
            writer.member("done", self.done)
        }
    }
}
