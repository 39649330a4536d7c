import DiscordModel
import Foundation

/// A request with its sender, past the rate limits.
struct RESTCall: Sendable {
    let request: SandboxRequest
    /// Segments after `/api/v10`.
    let path: [String]
    let bot: SandboxApplication?

    /// The id in segment `index`.
    func id(_ index: Int) -> Snowflake? { path.indices.contains(index) ? Snowflake(path[index]) : nil }
}

/// A request to REST as it came.
public struct RecordedRequest: Sendable {
    public let method, path: String
    /// 0 where the connection was reset.
    public let status: Int
    /// JSON, also that of a multipart body; nil where there was none.
    public let body: JSONValue?
}

extension SandboxWorld {
    /// Answers a request to `/api/v10`, faults and limits first.
    func rest(_ request: SandboxRequest) async -> SandboxResponse {
        let path = Array(request.path.dropFirst(2))
        var delay: Double?
        var response: SandboxResponse?
        if let fault = takeFault(request) {
            if case .slow(let seconds) = fault { delay = seconds } else { response = Self.answer(fault) }
        }
        if let delay { try? await Task.sleep(for: .seconds(delay)) }
        let final = response ?? limited(request, path)
        record(request, final)
        return final.adding(["Date": HTTPDate.text(Date(timeIntervalSinceNow: configuration.clockAhead))])
    }

    private func record(_ request: SandboxRequest, _ response: SandboxResponse) {
        let status =
            switch response {
            case .json(let status, _, _), .empty(let status, _), .bytes(let status, _, _): status
            case .stream: 200
            case .reset: 0
            }
        restLog.append(
            RecordedRequest(
                method: request.method, path: "/" + request.path.joined(separator: "/"), status: status,
                body: request.json))
        if restLog.count > 1000 { restLog.removeFirst(200) }
    }

    /// Arms a fault.
    public func inject(_ fault: RESTFault) { restFaults.append(fault) }

    private func takeFault(_ request: SandboxRequest) -> RESTFault.Kind? {
        let path = "/" + request.path.joined(separator: "/")
        let index = restFaults.firstIndex { fault in
            fault.times > 0 && fault.method ?? request.method == request.method
                && (fault.path.isEmpty || path.contains(fault.path))
        }
        guard let index else { return nil }
        restFaults[index].times -= 1
        defer { if restFaults[index].times == 0 { restFaults.remove(at: index) } }
        return restFaults[index].kind
    }

    private static func answer(_ fault: RESTFault.Kind) -> SandboxResponse {
        switch fault {
        case .rateLimited(let seconds, let scope): tooMany(seconds, scope: scope, headers: [:])
        case .status(let status): .bytes(status, type: "text/html", Array("<html>upstream error</html>".utf8))
        case .malformed: .bytes(200, type: "application/json", Array("{\"id\":".utf8))
        case .oversized(let count):
            .bytes(200, type: "application/json", [0x22] + Array(repeating: 0x78, count: count) + [0x22])
        case .reset, .slow: .reset
        }
    }

    private static func tooMany(_ seconds: Double, scope: String, headers: [String: String]) -> SandboxResponse {
        var headers = headers
        headers["Retry-After"] = String(max(1, Int(seconds.rounded(.up))))
        headers["X-RateLimit-Scope"] = scope
        if scope == "global" { headers["X-RateLimit-Global"] = "true" }
        let body: JSONValue = [
            "message": "You are being rate limited.", "retry_after": .double(seconds),
            "global": .bool(scope == "global"),
        ]
        return .json(429, body, headers)
    }

    // MARK: Limits and authentication

    private func limited(_ request: SandboxRequest, _ path: [String]) -> SandboxResponse {
        let header = request.headers.first(name: "authorization") ?? ""
        let bot = header.hasPrefix("Bot ") ? application(token: String(header.dropFirst(4))) : nil
        // Interaction callbacks and webhooks carry their own token.
        let open = ["interactions", "webhooks", "gateway"].contains(path.first ?? "") && path != ["gateway", "bot"]
        guard bot != nil || open else { return .unauthorized }
        let route = RESTRoute(request.method, path)
        let verdict = restLimits.count(
            bucket: route.bucket, key: "\(bot?.id.description ?? "-") \(route.key)", limit: route.limit,
            window: route.window, now: now, global: !open)
        if configuration.enforcesRateLimits, let wait = verdict.retryAfter {
            return Self.tooMany(wait, scope: verdict.isGlobal ? "global" : "user", headers: verdict.headers)
        }
        let call = RESTCall(request: request, path: path, bot: bot)
        return (open ? openRoute(call) : botRoute(call)).adding(verdict.headers)
    }

    private func openRoute(_ call: RESTCall) -> SandboxResponse {
        switch (call.request.method, call.path.first, call.path.count) {
        case ("GET", "gateway", 1): .json(200, ["url": .string(addresses.gatewayURL)])
        case ("POST", "interactions", 4) where call.path[3] == "callback": interactionCallback(call)
        case (_, "webhooks", 3...): webhook(call)
        default: .notFound
        }
    }

    private func botRoute(_ call: RESTCall) -> SandboxResponse {
        guard let bot = call.bot else { return .unauthorized }
        switch call.path.first {
        case "gateway" where call.path == ["gateway", "bot"]: return gatewayBot(bot)
        case "users": return usersRoute(call, bot)
        case "oauth2" where call.path == ["oauth2", "applications", "@me"]:
            return .json(200, bot.payload(owner: users[bot.owner]))
        case "applications": return applicationsRoute(call, bot)
        case "channels": return channelsRoute(call, bot)
        case "guilds": return guildsRoute(call, bot)
        default: return .notFound
        }
    }

    private func gatewayBot(_ bot: SandboxApplication) -> SandboxResponse {
        .json(
            200,
            [
                "url": .string(addresses.gatewayURL), "shards": .number(configuration.recommendedShards),
                "session_start_limit": [
                    "total": .number(IdentifyLimits.total), "remaining": .number(identifyLimits.remaining(of: bot.id)),
                    "reset_after": 14_400_000, "max_concurrency": .number(IdentifyLimits.maxConcurrency),
                ],
            ])
    }

    private func usersRoute(_ call: RESTCall, _ bot: SandboxApplication) -> SandboxResponse {
        guard call.request.method == "GET", call.path.count == 2 else { return .notFound }
        if call.path[1] == "@me" { return .json(200, users[bot.id]?.ownPayload ?? nil) }
        guard let user = call.id(1).flatMap({ users[$0] }) else { return .error(404, 10013, "Unknown User") }
        return .json(200, user.payload)
    }
}

/// Bucket of a request: its route without ids but the major one.
struct RESTRoute {
    let bucket: String
    let key: String
    let limit: Int
    let window: Double

    init(_ method: String, _ path: [String]) {
        let shape = path.map { Snowflake($0) == nil && $0.count < 30 ? $0 : "*" }.joined(separator: "/")
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(method) \(shape)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        bucket = String(hash, radix: 16)
        let isMessage = path.contains("messages") && method != "GET" || path.first == "webhooks"
        let major = path.prefix(path.first == "webhooks" ? 3 : 2).joined(separator: "/")
        key = bucket + " " + major
        (limit, window) = isMessage ? (5, 2) : path.first == "interactions" ? (1000, 1) : (50, 1)
    }
}
