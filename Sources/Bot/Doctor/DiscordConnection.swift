import DiscordModel
import DiscordREST
import Foundation
import Logging
import WebSocketClient

/// Asks Discord itself.
struct DiscordConnection: DiscordProbe {
    private static let helloLimit = Duration.seconds(10)
    private let rest: RESTClient
    private let trustedCAFile: String?

    init(_ configuration: BotConfiguration) {
        var quiet = Logger(label: "doctor")
        quiet.logLevel = .critical
        trustedCAFile = configuration.trustedCAFile
        // Somebody waits at a terminal: one more try, and no more.
        var retry = RetryPolicy()
        retry.attempts = 2
        rest = RESTClient(
            base: configuration.apiBase, token: configuration.token ?? "", trustedCAFile: trustedCAFile, logger: quiet,
            retry: retry)
    }

    func currentUser() async throws -> JSONValue { try await rest.currentUser() }
    func gatewayBot() async throws -> JSONValue { try await rest.gatewayBot() }
    var serverDate: Date? { get async { await rest.serverDate } }
    func close() async { await rest.shutdown() }

    func guild(_ guild: Snowflake) async throws -> JSONValue {
        try await get("/guilds/{}", "/guilds/\(guild)", guild)
    }

    func member(_ user: Snowflake, of guild: Snowflake) async throws -> JSONValue {
        try await get("/guilds/{}/members/{}", "/guilds/\(guild)/members/\(user)", guild)
    }

    func channels(of guild: Snowflake) async throws -> JSONValue {
        try await get("/guilds/{}/channels", "/guilds/\(guild)/channels", guild)
    }

    private func get(_ template: String, _ path: String, _ guild: Snowflake) async throws -> JSONValue {
        try await rest.send(Route("GET", template, major: guild.description), path: path)
    }

    func hello(from url: String) async throws {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        var options = WebSocketConfiguration(url: "\(base)/?v=10&encoding=json")
        options.trustedCAFile = trustedCAFile
        let socket = try await WebSocketConnection.connect(options)
        let silence = Task {
            try await ContinuousClock().sleep(for: Self.helloLimit)
            socket.abort()
        }
        defer { silence.cancel() }
        for await event in socket.events {
            guard case .message(.text(let text)) = event else { break }
            let payload = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            guard payload["op"]?.int == Int64(GatewayOpcode.hello) else { break }
            return await socket.close(code: 1000)
        }
        socket.abort()
        throw WebSocketError.timeout
    }
}
