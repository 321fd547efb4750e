import Foundation
import Testing

/// The operator's page and the description of the API in a real browser.
@Suite struct OperatorPageTests {
    private static let badge = "document.querySelector('.detail .badge')?.dataset.status"

    @Test func aBroadcastIsCreatedWatchedRecordedSentOnAndDeleted() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/"))
            try await browser.waitUntil("it follows the server", "document.getElementById('connection').dataset.state === 'live'")

            // A press before the page's script has run goes nowhere.
            try await browser.waitUntil("the page is alive", "document.getElementById('connection').dataset.state === 'live'")
            try await browser.press("New")
            try await browser.type("Morning <b>show</b>", into: "#create [name=name]")
            try await browser.type("show", into: "#create [name=streamId]")
            try await browser.press("Create")
            try await browser.waitUntil("it is open", "document.querySelector('.detail h2')?.textContent === 'Morning <b>show</b>'")
            try #require(try await server.broadcast("show")["name"].text == "Morning <b>show</b>")

            _ = try await server.publish(as: "show", loops: true)
            try await browser.waitUntil("it is seen live, without asking", "\(Self.badge) === 'broadcasting'")
            try await browser.waitUntil("the preview plays", "document.querySelector('iframe')?.contentWindow.martlet?.video.currentTime > 1")
            try await browser.waitUntil("its picture is in the list", "document.querySelector('#list img')?.naturalWidth === 320")
            try await browser.waitUntil("the bitrate is drawn", "document.querySelector('.chart polyline').getAttribute('points').includes(' ')")

            try await browser.press("Record")
            try await eventually("it is recorded") { (try await server.broadcast("show"))["mp4Enabled"].number == 1 }
            try await browser.press("Stop recording")
            try await browser.waitUntil("the recording is there", "document.querySelector('[aria-label=Recordings] a')")
            try await browser.press("Record webm")
            try await eventually("it is recorded as webm") { (try await server.broadcast("show"))["webMEnabled"].number == 1 }
            try await browser.press("Stop webm recording")
            try await browser.waitUntil("the webm is there", "document.querySelector('[aria-label=Recordings] a[href*=\".webm\"]')")

            try await browser.type("rtmp://127.0.0.1:1/live/other", into: "[name=endpointUrl]")
            try await browser.press("Add")
            try await browser.waitUntil("the endpoint is there", "document.querySelector('[aria-label=Endpoints] code')")
            try await browser.waitUntil("what is wrong with it is told", "document.querySelector('[aria-label=Endpoints] .bad')")
            try await browser.press("Remove")
            try await eventually("the endpoint is gone") { (try await server.broadcast("show"))["endPointList"].items.isEmpty }

            try await browser.press("Delete")
            try await browser.waitUntil("the list is empty", "!document.querySelector('#list a')")
            try #require(try await server.get("/v2/broadcasts/show").status == 404)
            try #require(try await browser.problems() == [])
        }
    }

    @Test func aSourceThatCannotBePulledSaysWhy() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_SOURCES_ALLOW_LOCAL_ADDRESSES": "true"])
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/"), width: 390, height: 844, isPhone: true)
            // A press before the page's script has run goes nowhere.
            try await browser.waitUntil("the page is alive", "document.getElementById('connection').dataset.state === 'live'")
            try await browser.press("New")
            try await browser.type("streamSource", into: "#create [name=type]")
            try await browser.type("http://127.0.0.1:1/none.mp4", into: "#create [name=streamUrl]")
            try await browser.press("Create")
            try await browser.waitUntil("the reason is shown", "document.querySelector('.problem')?.textContent.includes('refused')")
            try #require(try await browser.evaluate("document.documentElement.scrollWidth").number == 390, "nothing sticks out of a phone")
            try await browser.press("Stop")
            try await browser.press("‹ All")
            try await browser.waitUntil("the list is back", "document.querySelector('#list a').checkVisibility()")
            try #require(try await browser.problems() == [])
        }
    }

    @Test func withoutTheTokenNothingIsShownAndWithItEverything() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(
                in: lab, settings: ["MARTLET_API_ALLOW": "192.0.2.1", "MARTLET_API_TOKEN": "correct-horse-battery-staple"])
            _ = try await lab.publishWithoutAPI(to: server.rtmpURL("demo"))
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/"))
            try await browser.waitUntil("the token is asked for", "document.getElementById('token-dialog').open")
            try await browser.type("wrong", into: "#token-dialog [name=token]")
            try await browser.press("Use it")
            try await browser.waitUntil("that was not it", "document.getElementById('token-problem').checkVisibility()")
            try await browser.type("correct-horse-battery-staple", into: "#token-dialog [name=token]")
            try await browser.press("Use it")
            try await browser.waitUntil("the list is there", "document.querySelector('#list a .badge')?.dataset.status === 'broadcasting'")
            try await browser.waitUntil("events come", "document.getElementById('connection').dataset.state === 'live'")
            try #require(try await browser.evaluate("localStorage.length + document.cookie.length").number == 0, "it is kept in this tab alone")
            try #require(try await browser.problems() == [])
        }
    }

    @Test func theListIsWalkedWithTheKeyboard() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            for id in ["one", "two"] {
                let created = try await server.call("POST", "/v2/broadcasts/create", body: "{\"streamId\":\"\(id)\"}")
                try #require(created.status == 200)
            }
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/"))
            try await browser.waitUntil("both are there", "document.querySelectorAll('#list a').length === 2")
            try await browser.evaluate("document.querySelector('#list a').focus()")
            try await browser.key("ArrowDown")
            try await browser.key("Enter")
            try await browser.waitUntil("the second is open", "document.querySelector('.detail h2')?.textContent === 'one'")
            try await browser.key("Escape")
            try await browser.waitUntil("none is open", "!document.querySelector('.detail')")
            try await browser.key("n")
            try await browser.waitUntil("a new one can be made", "document.getElementById('create-dialog').open")
        }
    }

    @Test func theDescriptionOfTheAPIIsReadable() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let described = try await server.get("/openapi.yaml")
            try #require(described.status == 200)
            let operations = described.text.split(separator: "\n").count { ["    get:", "    put:", "    post:", "    delete:"].contains($0) }
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/docs"))
            try await browser.waitUntil("all operations are there", "document.querySelectorAll('.operation').length === \(operations)")
            try await browser.waitUntil("objects too", "document.getElementById('schema-Broadcast')")
            try #require(try await browser.problems() == [])
        }
    }

    @Test func theWorkOnManyFilesIsSeenWhileItGoesOn() async throws {
        try await Lab.run { lab in
            let host = lab.path("host/films")
            try FileManager.default.createDirectory(at: host, withIntermediateDirectories: true)
            let film = try await lab.film(Film(first: 0, seconds: 3), at: lab.path("host/film.mp4"))
            // Enough for several looks of the page, which is one a second.
            let count = 3_000
            for number in 0..<count {
                try FileManager.default.linkItem(at: film, to: host.appending(path: "film \(number).mp4"))
            }
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_VODS_IMPORT_DIRECTORIES": lab.path("host").path])
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/#/:library"))
            try await browser.waitUntil("the library is open and empty", "document.querySelector('[aria-label=Files] .empty')")
            try await browser.type(host.path, into: "[name=directory]")
            try await browser.press("Import")
            let share = "document.querySelector('progress[aria-label=Import]')?.position"
            try await browser.waitUntil(
                "how far it is, and each file", "\(share) > 0 && \(share) < 1 && document.querySelector('[aria-label=Files] li progress')")
            // The same by the API.
            let told = try await server.get("/v2/vods/directory").json()
            try #require(told["found"].number == Double(count) || told["found"].number == 0)
            try await browser.waitUntil(
                "all is done",
                "!document.querySelector('[aria-label=Files] progress') && !document.querySelector('progress[aria-label=Import]')?.checkVisibility()")
            try #require(try await server.get("/v2/vods/directory").text == #"{"found":0,"done":0}"#)
        }
    }

    @Test func filesAreUploadedSeenAndDeletedInTheLibrary() async throws {
        try await Lab.run { lab in
            let host = lab.path("host/films")
            try FileManager.default.createDirectory(at: host, withIntermediateDirectories: true)
            let film = try await lab.film(Film(first: 0, seconds: 3), at: host.appending(path: "a film.mp4"))
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_VODS_IMPORT_DIRECTORIES": lab.path("host").path])
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/"))
            try await browser.waitUntil("the page is alive", "document.getElementById('connection').dataset.state === 'live'")
            try await browser.click("header a[href='#/:library']")
            try await browser.waitUntil("the library is open and empty", "document.querySelector('[aria-label=Files] .empty')")

            try await browser.type(host.path, into: "[name=directory]")
            try await browser.press("Import")
            try await browser.waitUntil("it is imported", "document.querySelector('[aria-label=Files] a')?.textContent === 'a film.mp4'")

            // A page cannot be given a file but by a person; this is what one does to it.
            let give = """
                (async () => {
                const bytes = await (await fetch('live/streams/films/a%20film.mp4')).blob(), data = new DataTransfer();
                data.items.add(new File([bytes], 'up <b>load</b>.mp4'));
                document.querySelector('.upload [name=file]').files = data.files; })()
                """
            try await browser.evaluate(give)
            try await browser.press("Upload")
            let rows = "[...document.querySelectorAll('[aria-label=Files] li')]"
            let first = "\(rows)[0].querySelector('a')?.textContent"
            try await browser.waitUntil("it is uploaded", "\(rows).length === 2 && \(first) === 'up <b>load</b>.mp4'")
            try await browser.waitUntil("both have posters", "\(rows).every((row) => row.querySelector('img')?.naturalHeight > 0)")
            let uploaded = try #require(try await server.get("/v2/vods/list/0/10?search=load").json()[0]["filePath"].text)
            try #require(try await server.get("/live/\(uploaded)").body == (try Data(contentsOf: film)))

            // What is no film says so.
            try await browser.evaluate(give.replacingOccurrences(of: "[bytes]", with: "['no film']"))
            try await browser.press("Upload")
            try await browser.waitUntil("why not is told", "document.querySelector('.toast.error')?.textContent.includes('cannot be read')")

            try await browser.evaluate("window.confirm = () => true")
            try await browser.evaluate("void \(rows)[0].querySelector('button').click()")
            try await browser.waitUntil("it is gone", "\(rows).length === 1")
            try await eventually("for all") { try await server.get("/live/\(uploaded)").status == 404 }
            try await browser.type(host.path, into: "[name=directory]")
            try await browser.press("Remove")
            try await browser.waitUntil("the list is empty", "document.querySelector('[aria-label=Files] .empty')")
            try #require(FileManager.default.fileExists(atPath: film.path))
            try #require(try await browser.problems() == [])
        }
    }
}

extension Lab {
    /// For a server whose API does not answer this test. Over and over: a browser may take its time.
    fileprivate func publishWithoutAPI(to url: String) async throws -> Publisher {
        let publisher = try await Publisher.start(to: url, loops: true, in: self)
        try await publisher.send(1)
        return publisher
    }
}
