import Foundation
import Testing

/// schemathesis makes up requests from openapi.yaml, right ones and wrong ones, and compares the answers with what is described there.
@Suite struct SchemathesisTests {
    private static let calls = "^/(version|broadcasts|endpoint-presets|vods)"

    private func check(_ server: MartletProcess, _ name: String, base: String, seconds: Int, _ options: [String]) async throws {
        let repository = try MartletProcess.repository()
        let tool = repository.appending(path: ".build/schemathesis/bin/schemathesis").path
        try #require(FileManager.default.isExecutableFile(atPath: tool), "schemathesis is missing; `scripts/test` installs it")
        let lab = server.lab
        let values = lab.path("\(name).toml")
        // There is such a broadcast, and it is live.
        try Data("[parameters]\napp = \"live\"\nid = \"demo\"\nstreamId = \"demo\"\nname = \"demo\"\n".utf8).write(to: values)
        let isLive = name != "calls"
        var told = ""
        // It calls until its time is over. What a busy machine does not come to in that time it does in more.
        for limit in [seconds, 8 * seconds] {
            let child = try await lab.start(
                name,
                // It keeps notes of its own where it runs.
                ["env", "-C", lab.directory.path, tool] + (isLive ? ["--config-file", values.path] : [])
                    + ["run", repository.appending(path: "openapi.yaml").path, "--url", server.url(base), "--max-time", "\(limit)"] + options
                    + [
                        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance", "--mode",
                        "all", "--seed", "1", "--generation-database", "none", "--request-timeout", "20", "--continue-on-failure", "--no-color",
                        "--warnings", "off",
                    ])
            let exit = try await child.waitForExit(within: .seconds(limit + 120))
            told = try child.output()
            try #require(exit == .code(0), "\(told.suffix(10_000))")
            guard let cases = told.firstMatch(of: #/([0-9]+) generated, ([0-9]+) passed/#) else { continue }
            try #require(cases.1 == cases.2, "\(told.suffix(10_000))")
            if (Int(cases.1) ?? 0) > 50 { return }
        }
        Issue.record("it did not call what it was to call: \(told.suffix(10_000))")
    }

    /// Events are left out: their answer does not end.
    @Test func whatTheServerAnswersIsWhatIsDescribed() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo", loops: true)
            try await publisher.send(3)
            // The answers of what is live: reading only.
            try await self.check(
                server, "live", base: "/v2", seconds: 10,
                [
                    "--include-path-regex", Self.calls, "--exclude-method", "POST", "--exclude-method", "PUT", "--exclude-method", "DELETE",
                    "--phases", "fuzzing", "--max-examples", "2",
                ])
            try await self.check(
                server, "root", base: "", seconds: 15,
                ["--exclude-path-regex", Self.calls + "|^/events", "--phases", "coverage,fuzzing", "--max-examples", "3"])
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting", "\(publisher.child.lastWords)")
            try await self.check(
                server, "calls", base: "/v2", seconds: 40,
                ["--include-path-regex", Self.calls, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "10"])
            try #require(try await server.get("/readyz").status == 200)
        }
    }
}
