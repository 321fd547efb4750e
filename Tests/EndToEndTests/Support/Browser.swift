import Foundation
import Testing

/// A headless Chromium with one page open.
struct Browser {
    struct Refused: Error, CustomStringConvertible {
        let expression: String
        let answer: String
        var description: String { "\(self.expression): \(self.answer)" }
    }

    private let peer: PythonPeer
    private let lab: Lab

    static func start(in lab: Lab) async throws -> Browser { Browser(peer: try await PythonPeer.start("chromium.py", [], in: lab), lab: lab) }

    private init(peer: PythonPeer, lab: Lab) {
        self.peer = peer
        self.lab = lab
    }

    private func call(_ method: String, _ path: String, _ body: String? = nil) async throws -> HTTPAnswer {
        try await HTTPAnswer.fetch(method, "http://127.0.0.1:\(self.peer.port)/\(path)", body: body, in: self.lab, limit: 90)
    }

    /// In a fresh tab that remembers nothing of an earlier one.
    func open(_ url: String, width: Int = 1280, height: Int = 860, isPhone: Bool = false) async throws {
        let body = "{\"url\": \"\(url)\", \"width\": \(width), \"height\": \(height), \"touch\": \(isPhone), \"dark\": \(isPhone)}"
        let answer = try await self.call("POST", "open", body)
        try #require(answer.status == 200, "\(answer.text)")
    }

    /// What a JavaScript expression has for a value.
    @discardableResult
    func evaluate(_ expression: String) async throws -> JSON {
        let answer = try await self.call("POST", "evaluate", expression)
        guard answer.status == 200 else { throw Refused(expression: expression, answer: answer.text) }
        return try answer.json()["value"]
    }

    /// Waits until an expression is true, and says what the page shows when it never is.
    func waitUntil(_ what: String, within limit: Duration = .seconds(120), _ expression: String) async throws {
        do {
            try await eventually(what, within: limit, every: .milliseconds(250)) { try await self.evaluate("Boolean(\(expression))").bool == true }
        } catch {
            let shown = try await self.evaluate("document.body.innerText.slice(0, 1500)").text ?? ""
            let page = try await self.evaluate("JSON.stringify(document.documentElement.dataset)").text ?? ""
            throw Refused(expression: "\(error)", answer: "the page shows \(page): \(shown); problems: \(try await self.problems())")
        }
    }

    func click(_ selector: String) async throws {
        try await self.waitUntil("\(selector) is there", "document.querySelector(`\(selector)`)")
        try await self.evaluate("void document.querySelector(`\(selector)`).click()")
    }

    /// Clicks the button that says this.
    func press(_ label: String) async throws {
        let button = "[...document.querySelectorAll('button')].find((one) => one.checkVisibility() && one.textContent.trim() === '\(label)')"
        try await self.waitUntil("there is a button \(label)", button)
        try await self.evaluate("void \(button).click()")
    }

    func type(_ text: String, into selector: String) async throws {
        try await self.waitUntil("\(selector) is there", "document.querySelector(`\(selector)`)")
        try await self.evaluate(
            """
            (() => {
                const field = document.querySelector(`\(selector)`);
                field.value = `\(text)`;
                field.dispatchEvent(new Event('input', { bubbles: true }));
                field.dispatchEvent(new Event('change', { bubbles: true }));
            })()
            """)
    }

    func key(_ key: String) async throws {
        let answer = try await self.call("POST", "key", "{\"key\": \"\(key)\"}")
        try #require(answer.status == 200, "\(answer.text)")
    }

    /// Exceptions in the page, and what its content security policy refused.
    func problems() async throws -> [String] { try await self.call("GET", "problems").json().items.compactMap(\.text) }

    /// A PNG.
    func screenshot() async throws -> Data { try await self.call("GET", "screenshot").body }
}
