import TestSupport

extension Tool {
    /// curl's answer as `version status bytes`, the body going to `file` if there is one.
    static func curl(_ arguments: [String], to file: String = "/dev/null") async throws -> String {
        let tool = try await self.run(
            "curl", ["-sS", "--max-time", "60", "-o", file, "-w", "%{http_version} %{http_code} %{size_download}"] + arguments)
        return tool.output
    }
}
