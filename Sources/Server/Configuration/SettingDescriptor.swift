/// One row of the table of settings.
struct SettingDescriptor: Sendable {
    /// The key's path in the file, such as `http.port`.
    let path: String
    /// What it does, in a sentence.
    let summary: String
    /// In words, what the value may be.
    let allowed: String
    let isSecret: Bool
    /// Puts a value into the settings; false, and no change, when it is not allowed.
    let assign: @Sendable (RawSetting, inout Settings) -> Bool
    /// The value in the settings, as it would be written in the file.
    let text: @Sendable (Settings) -> String

    init<Value>(
        _ path: String, _ property: any WritableKeyPath<Settings, Value> & Sendable, _ type: SettingType<Value>, _ summary: String
    ) {
        self.path = path
        self.summary = summary
        self.allowed = type.allowed
        self.isSecret = Value.self == Secret.self
        self.assign = { raw, settings in
            guard let value = type.read(raw) else { return false }
            settings[keyPath: property] = value
            return true
        }
        self.text = { settings in type.write(settings[keyPath: property]) }
    }

    /// As it would be written in the file.
    var defaultText: String { self.text(Settings()) }

    /// `MARTLET_` and the path in upper snake case: `http.maxConnections` is `MARTLET_HTTP_MAX_CONNECTIONS`.
    var environmentName: String {
        var name = SettingTable.environmentPrefix
        for character in self.path {
            if character == "." {
                name.append("_")
            } else {
                if character.isUppercase { name.append("_") }
                name.append(character.uppercased())
            }
        }
        return name
    }
}
