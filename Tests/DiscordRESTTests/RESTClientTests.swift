import DiscordModel
import Logging
import Testing

@testable import DiscordREST

/// The client over real HTTP on loopback, with a clock that jumps: no test waits.
@Suite(.timeLimit(.minutes(5))) struct RESTClientTests {
    static let token = "MTIzNDU2Nzg5.bot-token.secret-of-this-test"
    static let interactionToken = "aW50ZXJhY3Rpb24tdG9rZW4tb2YtdGhpcy10ZXN0"
    private typealias Server = ScriptedServer

    private func run<T: Sendable>(
        _ answers: [[UInt8]], _ body: (RESTClient, ScriptedServer, JumpingClock) async throws -> T
    ) async throws -> T {
        let server = try ScriptedServer(answers)
        let clock = JumpingClock()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let client = RESTClient(base: server.base, token: Self.token, logger: logger, clock: clock)
        let result: Result<T, any Error>
        do { result = .success(try await body(client, server, clock)) } catch { result = .failure(error) }
        await client.shutdown()
        server.stop()
        return try result.get()
    }

    private func failure(_ answers: [[UInt8]], _ body: @Sendable (RESTClient) async throws -> Void) async throws
        -> RESTError
    {
        try await run(answers) { client, _, _ in
            do { try await body(client) } catch let error as RESTError { return error }
            return try #require(nil, "nothing was thrown")
        }
    }

    private func limited(_ body: String, _ headers: [String] = []) -> [UInt8] { Server.answer(429, body, headers) }

    @Test func aRequestCarriesItsHeaders() async throws {
        try await run([Server.answer(200, #"{"username":"timmy"}"#)]) { client, server, _ in
            #expect(try await client.currentUser()["username"] == "timmy")
            let head = try #require(server.requests.first).head
            #expect(head.hasPrefix("GET /api/v10/users/@me HTTP/1.1"))
            #expect(head.contains("Bot \(Self.token)"))
            #expect(head.contains("DiscordBot ("))
        }
    }

    @Test func interactionRoutesSendNoBotToken() async throws {
        try await run([Server.answer(204, "")]) { client, server, _ in
            try await client.createInteractionResponse(7, token: "a/b?c", type: 5)
            let request = try #require(server.requests.first)
            #expect(request.head.hasPrefix("POST /api/v10/interactions/7/a%2Fb%3Fc/callback HTTP/1.1"))
            #expect(!request.head.lowercased().contains("authorization"))
            #expect(request.body == #"{"type":5}"#)
        }
    }

    @Test func a429IsWaitedForOnTheInjectedClock() async throws {
        let answers = [limited(#"{"retry_after":12.5,"global":false}"#), Server.answer(200, "{}")]
        try await run(answers) { client, server, clock in
            _ = try await client.currentUser()
            #expect(server.requests.count == 2)
            #expect((12.4...12.6).contains(clock.slept), "\(clock.slept)")
        }
    }

    @Test func endless429sEndInAnError() async throws {
        for body in [#"{"retry_after":0}"#, #"{"retry_after":0.25}"#] {
            try await run([limited(body)]) { client, server, _ in
                let error = await #expect(throws: RESTError.self) { try await client.currentUser() }
                guard case .rateLimited = error?.kind else { Issue.record("\(error.debugDescription)"); return }
                #expect(server.requests.count == RESTClient.maximumLimited)
            }
        }
    }

    @Test func aWaitOfHoursIsAnErrorAtOnce() async throws {
        try await run([limited(#"{"retry_after":7200.5}"#)]) { client, server, clock in
            let error = await #expect(throws: RESTError.self) { try await client.currentUser() }
            #expect(error?.kind == .rateLimited(retryAfter: 7200.5))
            #expect(server.requests.count == 1 && clock.slept == 0)
        }
    }

    @Test func aPageInsteadOfJSONStopsTheWholeAddress() async throws {
        let page = Server.answer(429, "<html>error 1015</html>", ["Retry-After: 30"], type: "text/html")
        let unlimited = Server.answer(204, "")
        try await run([page, page, page, page, page, unlimited]) { client, server, clock in
            // Thirty seconds for each page, sixty allowed: it gives up.
            let error = await #expect(throws: RESTError.self) { try await client.currentUser() }
            #expect(error?.kind == .rateLimited(retryAfter: 30))
            let asked = server.requests.count
            let before = clock.slept
            // Another route, and one that no limit of Discord's own would hold back.
            await #expect(throws: RESTError.self) { try await client.createInteractionResponse(7, token: "t", type: 5) }
            #expect(clock.slept - before > 29, "waited before the first byte")
            #expect(server.requests.count > asked)
        }
    }

    @Test func serverErrorsAreRetriedWhereThatIsHarmless() async throws {
        let answers = [
            Server.answer(502, "<html>", type: "text/html"), Server.answer(503, ""), Server.answer(200, "{}"),
        ]
        try await run(answers) { client, server, clock in
            _ = try await client.currentUser()
            #expect(server.requests.count == 3)
            #expect(clock.slept > 0.5)
        }
        try await run([Server.answer(502, "")]) { client, server, _ in
            let error = await #expect(throws: RESTError.self) {
                try await client.createInteractionResponse(7, token: "t", type: 5)
            }
            #expect(error?.status == 502)
            #expect(server.requests.count == 1, "an interaction is answered once")
        }
    }

    @Test func resetsAreRetriedAndThenGivenUp() async throws {
        let half = Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"user".utf8)
        try await run([half, [], Server.answer(200, "{}")]) { client, server, _ in
            _ = try await client.currentUser()
            #expect(server.requests.count >= 3)
        }
        let error = try await failure([half]) { _ = try await $0.currentUser() }
        #expect(error.kind == .unreachable)
    }

    @Test func answersThatAreNotWhatTheyShouldBe() async throws {
        for body in ["{\"a\":", "<html></html>", "", String(repeating: "[", count: 100_000)] {
            let error = try await failure([Server.answer(200, body)]) { _ = try await $0.currentUser() }
            #expect(error.kind == .unreadable, "\(body.prefix(20))")
        }
        let long = "\"" + String(repeating: "x", count: RESTClient.maximumResponse) + "\""
        let error = try await failure([Server.answer(200, long)]) { _ = try await $0.currentUser() }
        #expect(error.kind == .unreadable)
    }

    @Test func errorsNameTheFieldsAndNeverATokenEvenIfItIsEchoed() async throws {
        let answer = Server.answer(
            400,
            """
            {"code":50035,"message":"Invalid \(Self.token) \(Self.interactionToken)","errors":{"data":{"components":{"0":
            {"custom_id":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"too long: \(Self.interactionToken)"}]}}}}}}
            """)
        let error = try await failure([answer]) {
            _ = try await $0.editOriginalResponse(application: 1, token: Self.interactionToken, [:])
        }
        #expect(error.status == 400 && error.discordCode == 50035)
        #expect(error.message.contains("data.components.0.custom_id: too long"))
        for text in [String(describing: error), String(reflecting: error), error.message, error.route] {
            #expect(!text.contains(Self.token) && !text.contains(Self.interactionToken), "\(text)")
        }
    }

    @Test func noErrorOfAnyKindHoldsAToken() async throws {
        for answer in [[], Server.answer(500, ""), limited(#"{"retry_after":9000}"#), Server.answer(200, "?")] {
            let error = try await failure([answer]) {
                _ = try await $0.createFollowup(application: 1, token: Self.interactionToken, [:])
            }
            let text = String(reflecting: error) + String(describing: error)
            #expect(!text.contains(Self.token) && !text.contains(Self.interactionToken), "\(text)")
        }
    }

    @Test func filesGoAlongAndCannotForgeHeaders() async throws {
        try await run([Server.answer(200, #"{"id":"1"}"#)]) { client, server, _ in
            let files = [
                Attachment(name: "cover.png", contentType: "image/png", bytes: Array("PNG".utf8)),
                Attachment(name: "\"\r\n", contentType: "image/png\r\nX-Forged: 1", bytes: []),
            ]
            _ = try await client.createMessage(channel: 5, ["content": "hi"], attachments: files)
            let body = try #require(server.requests.first).body
            #expect(body.contains(#"name="payload_json""#) && body.contains(#"{"content":"hi"}"#))
            #expect(body.contains("name=\"files[0]\"; filename=\"cover.png\"\r\nContent-Type: image/png\r\n\r\nPNG"))
            #expect(body.contains("name=\"files[1]\"; filename=\"file1\""))
            #expect(!body.contains("X-Forged"))
        }
    }

    @Test func commandsAreSentOnlyWhereTheyDiffer() async throws {
        let known = Server.answer(200, #"[{"id":"9","name":"play","description":"Play","type":1,"version":"3"}]"#)
        try await run([known]) { client, server, _ in
            let sent = try await client.registerCommands(application: 1, [["name": "play", "description": "Play"]])
            #expect(!sent)
            #expect(server.requests.map(\.line.first) == ["G"])
        }
        try await run([known, Server.answer(200, "[]")]) { client, server, _ in
            let sent = try await client.registerCommands(application: 1, [["name": "play", "description": "Other"]])
            #expect(sent)
            #expect(server.requests.map(\.line.first) == ["G", "P"])
        }
    }
}
