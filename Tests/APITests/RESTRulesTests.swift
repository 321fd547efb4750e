import Broadcasts
import HTTPTypes
import NIOCore
import Store
import Testing

@testable import API

/// What holds for every route: contract 0.1 and 6.4.
@Suite struct RESTRulesTests {
    @Test(arguments: [
        ("/v2/nothing", HTTPRequest.Method.get), ("/v2/broadcasts/a/nothing", .get), ("/v2/broadcasts/a/b/c/d", .get), ("/v2/", .get),
        ("/v2/broadcasts//stop", .post),
        ("/v2/broadcasts/list/x/5", .get), ("/v2/broadcasts/list/0/5x", .get), ("/v2/broadcasts/list/0/99999999999999999999", .get),
        ("/v2/broadcasts/list/0", .get), ("/v2/broadcasts/a/recording/true?resolutionHeight=high", .put),
        ("/v2/broadcasts/a/endpoint?resolutionHeight=x", .delete),
        ("/v2/broadcasts/a/seek-time/soon", .put), ("/v2/broadcasts/playlists/a/next?index=last", .post), ("/v2/broadcasts/playlists/a", .get),
        ("/v2/broadcasts/a/seek-time", .put), ("/v2/broadcasts//ip-camera-error", .get),
        ("/other/rest/v2/broadcasts/count", .get), ("/v2/broadcasts%2Fcount", .get), ("/v2/vods/list/a/b", .get),
    ]) func whatDoesNotExistIs404(path: String, method: HTTPRequest.Method) async throws {
        let stage = try await RESTStage()
        _ = try await stage.post("/broadcasts/create", #"{"streamId":"a"}"#)
        #expect(try await stage.send(method, path).status == .notFound)
    }

    @Test(arguments: [
        ("/broadcasts", HTTPRequest.Method.get, "DELETE, OPTIONS"), ("/broadcasts/", .get, "DELETE, OPTIONS"),
        ("/broadcasts/create", .get, "POST, OPTIONS"),
        ("/broadcasts/a", .post, "GET, PUT, DELETE, HEAD, OPTIONS"), ("/broadcasts/a", .patch, "GET, PUT, DELETE, HEAD, OPTIONS"),
        ("/broadcasts/count", .put, "GET, HEAD, OPTIONS"), ("/broadcasts/a/stop", .get, "POST, OPTIONS"),
        ("/broadcasts/a/endpoint", .patch, "POST, PUT, DELETE, OPTIONS"), ("/broadcasts/a/start", .get, "POST, OPTIONS"),
        ("/broadcasts/a/seek-time/5", .post, "PUT, OPTIONS"), ("/broadcasts/playlists/a/next", .get, "POST, OPTIONS"),
        ("/broadcasts/duration", .post, "GET, HEAD, OPTIONS"), ("/broadcasts/a/ip-camera-error", .put, "GET, HEAD, OPTIONS"),
        ("/version", .trace, "GET, HEAD, OPTIONS"), ("/vods/v", .put, "GET, DELETE, HEAD, OPTIONS"),
    ]) func aWrongMethodIs405(path: String, method: HTTPRequest.Method, allow: String) async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(method, "/v2" + path)
        #expect(reply.status == .methodNotAllowed)
        #expect(reply.headers[.allow] == allow)
        #expect(reply.body == "")
    }

    @Test(arguments: ["%", "%2", "%zz", "%ff"]) func aBrokenEscapeIs400(id: String) async throws {
        let stage = try await RESTStage()
        #expect(try await stage.get("/broadcasts/\(id)").status == .badRequest)
    }

    @Test func headIsGetWithoutABody() async throws {
        let stage = try await RESTStage()
        let get = try await stage.get("/version")
        let head = try await stage.send(.head, "/v2/version")
        #expect(head.status == .ok)
        #expect(head.body == "")
        #expect(head.headers[.contentLength] == String(get.body.utf8.count))
        #expect(try await stage.send(.head, "/v2/broadcasts/nobody").status == .notFound)
    }

    @Test func optionsSaysWhatIsAllowedAndNeedsNoCredential() async throws {
        let stage = try await RESTStage()
        let reply = try await stage.send(
            .options, "/v2/broadcasts/a", from: "10.9.9.9", fields: ["Origin": "http://page", "Access-Control-Request-Method": "PUT"])
        #expect(reply.status == .noContent)
        #expect(reply.headers[.allow] == "GET, PUT, DELETE, HEAD, OPTIONS")
        #expect(reply.headers[.accessControlAllowOrigin] == "*")
        #expect(reply.headers[.accessControlAllowMethods] == "GET, POST, HEAD, OPTIONS, PUT, DELETE")
        #expect(reply.headers[.accessControlAllowHeaders]?.contains("Authorization") == true)
        #expect(try await stage.send(.options, "/v2/nothing").status == .notFound)
    }

    @Test(arguments: ["/v2/version", "/v2/nothing", "/v2/broadcasts"]) func noAnswerEverAllowsTheBrowsersOwnCredentials(path: String) async throws {
        let stage = try await RESTStage(token: "t")
        for fields in [["Origin": "http://localhost:4200", "Authorization": "t"], ["Origin": "null"], [:]] {
            let reply = try await stage.send(.get, path, fields: fields)
            #expect(reply.headers[.accessControlAllowOrigin] == (fields["Origin"] == nil ? nil : "*"))
            #expect(reply.headers[.accessControlAllowCredentials] == nil)
        }
    }

    @Test(
        arguments: [
            (nil, 200), ("application/json", 200), ("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200),
            ("application/problem+json", 200),
            ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/xml", 415), ("", 415), ("json", 415),
        ] as [(String?, Int)]) func aBodyMustBeJSON(contentType: String?, status: Int) async throws
    {
        let stage = try await RESTStage()
        let reply = try await stage.send(.post, "/v2/broadcasts/create", body: "{}", contentType: contentType)
        #expect(reply.status.code == status)
        // Nothing to read, nothing to complain about.
        let empty = try await stage.send(.post, "/v2/broadcasts/create", body: "", contentType: contentType)
        #expect(empty.status == .ok)
    }

    @Test func aBodyOfMoreThanAMebibyteIs413() async throws {
        let stage = try await RESTStage()
        let fits = #"{"unknown":""# + String(repeating: "x", count: APICall.longestBody - 14) + #""}"#
        #expect(fits.utf8.count == APICall.longestBody)
        #expect(try await stage.post("/broadcasts/create", fits).status == .ok)
        #expect(try await stage.post("/broadcasts/create", fits + " ").status == .contentTooLarge)
        let claimed = try await stage.send(.post, "/v2/broadcasts/create", body: "{}", fields: ["Content-Length": "99999999"])
        #expect(claimed.status == .contentTooLarge)
    }

    @Test(arguments: ["[", "{\"a\":"]) func deepNestingIsRefusedNotFollowed(opening: String) async throws {
        let stage = try await RESTStage()
        let bomb = String(repeating: opening, count: 100_000)
        #expect(try await stage.post("/broadcasts/create", bomb).status == .badRequest)
        #expect(try await stage.post("/broadcasts/create", #"{"unknown":"# + bomb).status == .badRequest)
        #expect(try await stage.post("/broadcasts/a/endpoint", bomb).status == .badRequest)
    }

    @Test(
        arguments: [
            ("10.0.0.1", [:], 403), ("127.0.0.1", [:], 200), ("10.0.0.1", ["Authorization": "Bearer geheim"], 200),
            ("10.0.0.1", ["Authorization": "geheim"], 200),
            ("10.0.0.1", ["Authorization": "bearer  geheim"], 200), ("10.0.0.1", ["Authorization": "Bearer geheim2"], 403),
            ("10.0.0.1", ["Authorization": "Bearer"], 403),
            ("10.0.0.1", ["Authorization": ""], 403), ("10.0.0.1", ["X-Forwarded-For": "127.0.0.1"], 403), (nil, [:], 403),
            ("10.0.0.2", ["X-Forwarded-For": "127.0.0.1"], 200), ("10.0.0.2", ["X-Forwarded-For": "127.0.0.1, 8.8.8.8"], 403),
        ] as [(String?, [String: String], Int)]) func onlyAllowedAddressesAndTheTokenGetIn(address: String?, fields: [String: String], status: Int)
        async throws
    {
        let stage = try await RESTStage(token: "geheim", trustedProxies: ["10.0.0.2"])
        let reply = try await stage.send(.get, "/live/rest/v2/version", from: address, fields: fields)
        #expect(reply.status.code == status)
        guard status == 403 else { return }
        #expect(reply.status.reasonPhrase == "Not allowed IP")
        #expect(reply.body == result(false, "Not allowed IP"))
        // Not even what exists is told.
        #expect(try await stage.send(.get, "/v2/nothing", from: address, fields: fields).status.code == 403)
    }

    @Test func literalsComeBeforeParameters() {
        let table = RouteTable(routes: [
            APIRoute(.get, "/b/{id}") { _ in APIReply() }, APIRoute(.get, "/b/count") { _ in APIReply() },
            APIRoute(.get, "/b/{id}/x") { _ in APIReply() },
            APIRoute(.get, "/b/count/{search}") { _ in APIReply() },
        ])
        func path(_ segments: [String]) -> String? {
            if case .found(let route, _) = table.match(.get, segments) { route.path.description } else { nil }
        }
        #expect(path(["b", "a"]) == "/b/{id}")
        #expect(path(["b", "count"]) == "/b/count")
        #expect(path(["b", "count", "x"]) == "/b/count/{search}")
        #expect(path(["b", "a", "x"]) == "/b/{id}/x")
        #expect(path(["b", ""]) == nil)
        #expect(path(["b"]) == nil)
        #expect(path([]) == nil)
    }

    @Test(
        arguments: [
            ("a=1&b=%20x+y&a=2", ["a": "1", "b": " x y"]), ("flag&=v&c=", ["flag": "", "": "v", "c": ""]), ("a=%zz&b=1", ["b": "1"]),
            ("a=b=c", ["a": "b=c"]),
            ("&&", [:]),
        ] as [(String, [String: String])]) func queriesAreTakenApart(text: String, expected: [String: String])
    {
        let query = QueryText(text)
        for (name, value) in expected { #expect(query[name] == value) }
        #expect(query["missing"] == nil)
        #expect(QueryText(nil)["a"] == nil)
    }

    @Test func jsonIsEscapedAndOrdered() {
        struct Sample: JSONWritable {
            func write(to writer: inout JSONWriter) {
                writer.object { writer in
                    writer.member("text", "\"\\\u{8}\u{1f}\n\r\té🎈/")
                    writer.member("none", nil as String?)
                    writer.member("nan", Double.nan)
                    writer.member("small", 0.000_001)
                    writer.member("least", Int64.min)
                    writer.member("list", [SimpleStatDTO(number: 1), SimpleStatDTO(number: 2)])
                    writer.member("empty", [SimpleStatDTO]())
                    writer.member("flag", true)
                }
            }
        }
        let body = APIReply(.ok, JSONList([Sample()])).body.map { String(buffer: $0) }
        #expect(
            body == #"[{"text":"\"\\\u0008\u001f\n\r\té🎈/","none":null,"nan":0.0,"small":1e-06,"least":-9223372036854775808,"#
                + #""list":[{"number":1},{"number":2}],"empty":[],"flag":true}]"#)
    }

    @Test(
        arguments: [
            ("example.org", "example.org"), ("example.org:5080", "example.org"), ("[fe80::1]:5080", "[fe80::1]"), ("10.0.0.1", "10.0.0.1"), ("", nil),
            (nil, nil),
            ("a\"b", nil), ("a/b", nil), ("[fe80::1", nil), (":80", nil),
        ] as [(String?, String?)]) func theHostIsTakenFromTheAuthority(authority: String?, host: String?)
    {
        #expect(BroadcastPresenter.host(ofAuthority: authority) == host)
    }

    /// Those that hardly ever happen; the others are in the tests of the contract.
    @Test(
        arguments: [
            (BroadcastError.fetcherNotStarted, APIOperation.createAndStart, 200, result(false, errorID: -4)),
            (.resourcesExhausted, .createAndStart, 200, result(false, "Resource usage is high", errorID: -3)),
            (.cameraUnreachable(address: "c:80", code: -2), .createAndStart, 200, result(false, "Could not connect to c:80 result:-2", errorID: -2)),
            (.endpointTaken(url: "u"), .createAndStart, 200, result(false, "Endpoint is given twice: u")),
            (.endpointRefused, .create, 400, result(false, "The list of endpoints is not valid.")),
            (.cameraUnreachable(address: "c", code: -2), .start, 200, result(false, "Could not connect to c result:-2", errorID: -2)),
            (.indexOutOfList, .nextItem, 200, result(false, "Index is out of the list. Please specify the correct index")),
            (.durationUnknown(code: -3), .duration, 200, result(false, errorID: -3)),
            (.unknownBroadcast, .cameraError, 200, result(false, "Camera is not found with streamId: a")),
            (.store(.diskFull), .start, 500, result(false, "The disk is full.")),
        ] as [(BroadcastError, APIOperation, Int, String)]) func everyErrorHasItsWords(
            error: BroadcastError, operation: APIOperation, status: Int, body: String
        )
    {
        let reply = ErrorResponder.reply(to: .broadcast(error, operation, id: "a"))
        #expect(reply.status.code == status)
        #expect(reply.body.map { String(buffer: $0) } == body)
    }

    @Test func aFailingDatabaseIs500AndSaysNothingOfItsInside() async throws {
        let stage = try await RESTStage()
        try stage.database.close()
        for reply in [
            try await stage.get("/broadcasts/a"), try await stage.get("/broadcasts/list/0/5"), try await stage.post("/broadcasts/create", "{}"),
            try await stage.get("/vods/count"),
        ] {
            #expect(reply.status == .internalServerError)
            #expect(reply.body == result(false, "The database failed."))
        }
    }
}
