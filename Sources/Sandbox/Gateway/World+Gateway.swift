import DiscordModel

extension SandboxWorld {
    // MARK: Connections

    func openGateway(_ request: SocketRequest, _ socket: SocketHandle) -> Snowflake? {
        let mode = GatewayCompressor.Mode(rawValue: request.query["compress"] ?? "none")
        guard request.query["v"] == "10" || request.query["v"] == nil else {
            socket.close(4012, "Invalid API version")
            return nil
        }
        guard let mode, let compressor = GatewayCompressor(mode), request.query["encoding"] ?? "json" == "json" else {
            socket.close(4002, "Decode error")
            return nil
        }
        gatewaysOpened += 1
        let id = ids.next()
        connections[id] = GatewayConnection(
            id: id, socket: socket, path: "/" + request.path.joined(separator: "/"), compressor: compressor,
            lastHeartbeat: now)
        send(
            ["op": 10, "s": nil, "t": nil, "d": ["heartbeat_interval": .number(heartbeatMilliseconds), "_trace": []]],
            to: id)
        return id
    }

    var heartbeatMilliseconds: Int { Int(configuration.heartbeatInterval * 1000) }

    func closedGateway(_ id: Snowflake, code: UInt16?) {
        guard let connection = connections.removeValue(forKey: id), let session = connection.session else { return }
        guard sessions[session]?.connection == id else { return }
        sessions[session]?.connection = nil
        sessions[session]?.lostAt = now
        // A client that closes with 1000 or 1001 ends its session.
        if code == 1000 || code == 1001 { endSession(session) }
    }

    /// After 4007 and 4009 a client has to identify: there is nothing left to resume.
    func close(_ id: Snowflake, _ code: UInt16, _ reason: String) {
        connections[id]?.socket.close(code, reason)
        guard [4007, 4009].contains(code), let name = connections[id]?.session else { return }
        // Not one that was resumed on another connection meanwhile.
        if sessions[name]?.connection == id { endSession(name) }
    }

    private func send(_ payload: JSONValue, to id: Snowflake) { send(JSONText.encode(payload), to: id) }

    private func send(_ bytes: [UInt8], to id: Snowflake) {
        guard let connection = connections[id] else { return }
        guard connection.compressor.mode != .none else { return connection.socket.text(bytes) }
        guard let packed = connection.compressor.compress(bytes) else {
            return connection.socket.close(4000, "Unknown error")
        }
        connection.socket.binary(packed)
    }

    // MARK: Receiving

    func receiveGateway(_ bytes: [UInt8], from id: Snowflake) {
        guard connections[id] != nil else { return }
        guard bytes.count <= Limits.gatewayPayload else { return close(id, 4002, "Decode error") }
        guard let payload = JSONText.decode(bytes), let op = payload["op"]?.int else {
            return close(id, 4002, "Error while decoding payload.")
        }
        guard countSend(id) else { return close(id, 4008, "Rate limited.") }
        let data = payload["d"] ?? .null
        switch Int(op) {
        case GatewayOpcode.heartbeat: heartbeat(id)
        case GatewayOpcode.identify: identify(data, id)
        case GatewayOpcode.resume: resume(data, id)
        default: receiveCommand(Int(op), data, id)
        }
    }

    private func receiveCommand(_ op: Int, _ data: JSONValue, _ id: Snowflake) {
        guard let session = connections[id]?.session.flatMap({ sessions[$0] }) else {
            return close(id, 4003, "Not authenticated.")
        }
        switch op {
        case GatewayOpcode.voiceStateUpdate: requestVoice(data, session: session)
        case GatewayOpcode.presenceUpdate: break
        case 8: sendMembers(data, session)
        case 31, 43: break
        default: close(id, 4001, "Unknown opcode.")
        }
    }

    private func countSend(_ id: Snowflake) -> Bool {
        let start = now - Limits.gatewaySendWindow
        connections[id]?.sends.removeAll { $0 <= start }
        connections[id]?.sends.append(now)
        return (connections[id]?.sends.count ?? 0) <= Limits.gatewaySends
    }

    private func heartbeat(_ id: Snowflake) {
        connections[id]?.lastHeartbeat = now
        if connections[id]?.withholdsAck == false { send(["op": 11, "d": nil, "s": nil, "t": nil], to: id) }
    }

    private func sendMembers(_ data: JSONValue, _ session: GatewaySession) {
        guard let guild = data["guild_id"]?.snowflake, let body = guilds[guild],
            body.members[session.application] != nil
        else { return }
        let wanted = (data["user_ids"]?.array ?? data["user_ids"].map { [$0] } ?? []).compactMap(\.snowflake)
        let found = wanted.isEmpty ? Array(body.members.values.prefix(1000)) : wanted.compactMap { body.members[$0] }
        var chunk: [String: JSONValue] = [
            "guild_id": .id(guild), "members": .array(found.map { $0.payload(user: users[$0.user]) }), "chunk_index": 0,
            "chunk_count": 1, "not_found": .array(wanted.filter { body.members[$0] == nil }.map { .id($0) }),
        ]
        if let nonce = data["nonce"]?.present { chunk["nonce"] = nonce }
        deliver("GUILD_MEMBERS_CHUNK", .object(chunk), to: session.id)
    }

    // MARK: Identify and Resume

    private func identify(_ data: JSONValue, _ id: Snowflake) {
        guard connections[id]?.session == nil else { return close(id, 4005, "Already authenticated.") }
        let token = data["token"]?.string ?? ""
        guard let bot = application(token: token.hasPrefix("Bot ") ? String(token.dropFirst(4)) : token) else {
            return close(id, 4004, "Authentication failed.")
        }
        let shard = data["shard"]?.array?.compactMap { $0.int.map(Int.init) } ?? [0, 1]
        guard shard.count == 2, shard[1] > 0, shard[0] >= 0, shard[0] < shard[1] else {
            return close(id, 4010, "Invalid shard.")
        }
        guard let intents = data["intents"]?.int, intents >= 0, intents < 1 << 26 else {
            return close(id, 4013, "Invalid intent(s).")
        }
        // GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT.
        guard Int(intents) & (1 << 1 | 1 << 8 | 1 << 15) & ~bot.privilegedIntents == 0 else {
            return close(id, 4014, "Disallowed intent(s).")
        }
        let isInTime = identifyLimits.take(
            bot.id, shard: shard[0], now: now, spacing: configuration.identifySpacing)
        if !isInTime || takeFault(.refuseIdentify) { return send(["op": 9, "d": false, "s": nil, "t": nil], to: id) }
        let session = GatewaySession(
            id: RandomText.token(32), application: bot.id, intents: GatewayIntents(rawValue: Int(intents)),
            shard: (shard[0], shard[1]), connection: id)
        sessions[session.id] = session
        connections[id]?.session = session.id
        sendReady(session, bot)
    }

    private func sendReady(_ session: GatewaySession, _ bot: SandboxApplication) {
        let mine = guilds.values.filter { $0.members[bot.id] != nil && session.covers($0.id) }.sorted { $0.id < $1.id }
        let hasGuilds = session.intents.contains(.guilds)
        let ready: JSONValue = [
            "v": 10, "user": users[bot.id]?.ownPayload ?? nil, "session_id": .string(session.id),
            "guilds": .array(mine.map { ["id": .id($0.id), "unavailable": true] }),
            "resume_gateway_url": .string(addresses.gatewayURL + "/resume"),
            "shard": [.number(session.shard.id), .number(session.shard.count)],
            "application": bot.payload(owner: nil), "session_type": "normal", "private_channels": [],
            "presences": [], "relationships": [], "user_settings": [:], "_trace": [],
        ]
        deliver("READY", ready, to: session.id)
        guard hasGuilds else { return }
        for guild in mine { deliver("GUILD_CREATE", guild.creation(users: users, viewer: bot.id), to: session.id) }
    }

    private func resume(_ data: JSONValue, _ id: Snowflake) {
        guard connections[id]?.session == nil else { return close(id, 4005, "Already authenticated.") }
        let token = data["token"]?.string ?? ""
        guard let bot = application(token: token.hasPrefix("Bot ") ? String(token.dropFirst(4)) : token) else {
            return close(id, 4004, "Authentication failed.")
        }
        let refused = takeFault(.refuseResume)
        guard !refused, let name = data["session_id"]?.string, let session = sessions[name], let seq = data["seq"]?.int,
            session.application == bot.id
        else { return send(["op": 9, "d": false, "s": nil, "t": nil], to: id) }
        guard seq >= 0, seq <= session.sequence else {
            endSession(name)
            return close(id, 4007, "Invalid seq.")
        }
        let oldest = session.replay.first?.sequence ?? session.sequence + 1
        guard Int(seq) >= oldest - 1 else { return send(["op": 9, "d": false, "s": nil, "t": nil], to: id) }
        if let old = session.connection { connections[old]?.socket.close(4000, "Session resumed elsewhere") }
        sessions[name]?.connection = id
        sessions[name]?.lostAt = nil
        connections[id]?.session = name
        for event in session.replay where event.sequence > Int(seq) { send(event.bytes, to: id) }
        deliver("RESUMED", ["_trace": []], to: name)
        announce("GATEWAY_RESUMED", ["session_id": .string(name), "path": .string(connections[id]?.path ?? "")])
    }

    // MARK: Dispatch

    /// Sends an event to the sessions of the bots in `guild` that asked for `intent`.
    func dispatch(_ type: String, _ data: JSONValue, guild: Snowflake, intent: GatewayIntents, only: Snowflake? = nil) {
        guard let members = guilds[guild]?.members else { return }
        for session in sessions.values
        where session.intents.isSuperset(of: intent) && session.covers(guild) && members[session.application] != nil
            && (only == nil || session.application == only)
        {
            deliver(type, data, to: session.id)
        }
    }

    func deliver(_ type: String, _ data: JSONValue, to name: String) {
        guard var session = sessions[name] else { return }
        session.sequence += 1
        let bytes = JSONText.encode(
            ["op": 0, "t": .string(type), "s": .number(session.sequence), "d": data])
        session.replay.append((session.sequence, bytes))
        if session.replay.count > Bounds.replay { session.replay.removeFirst(Bounds.replay / 4) }
        sessions[name] = session
        if let connection = session.connection { send(bytes, to: connection) }
    }

    // MARK: Time

    /// Ends what has timed out. Called about once a second, and by tests.
    func tick() {
        for connection in connections.values where now - connection.lastHeartbeat > configuration.heartbeatInterval * 2
        {
            close(connection.id, 4009, "Session timed out.")
        }
        for session in sessions.values {
            if let lost = session.lostAt, now - lost > configuration.sessionLifetime { endSession(session.id) }
        }
        tickVoice()
        restLimits.forget(before: now - 120)
    }

    /// Forgets a session; a bot without any other one leaves its voice channels, as at Discord.
    func endSession(_ name: String) {
        guard let session = sessions.removeValue(forKey: name) else { return }
        guard !sessions.values.contains(where: { $0.application == session.application }) else { return }
        for (guild, body) in guilds where body.voice[session.application]?.sessionID == name {
            leaveVoice(session.application, in: guild)
        }
    }

    // MARK: Faults

    /// Makes something go wrong on all gateway connections of a bot, or arms a fault for its next Identify or Resume.
    public func inject(_ fault: GatewayFault, into application: Snowflake) {
        switch fault {
        case .refuseIdentify, .refuseResume: return gatewayFaults.append(fault)
        default: break
        }
        for session in sessions.values where session.application == application {
            guard let id = session.connection else { continue }
            apply(fault, to: id, session)
        }
    }

    private func apply(_ fault: GatewayFault, to id: Snowflake, _ session: GatewaySession) {
        switch fault {
        case .drop: connections[id]?.socket.reset()
        case .close(let code): close(id, code, "")
        case .reconnect: send(["op": 7, "d": nil, "s": nil, "t": nil], to: id)
        case .invalidSession(let resumable):
            send(["op": 9, "d": .bool(resumable), "s": nil, "t": nil], to: id)
            connections[id]?.session = nil
            sessions[session.id]?.connection = nil
            sessions[session.id]?.lostAt = now
            if !resumable { endSession(session.id) }
        case .withholdAck: connections[id]?.withholdsAck = true
        case .malformed: send(Array("{\"op\":0,".utf8), to: id)
        case .oversized(let count):
            deliver("GUILD_UPDATE", ["id": "1", "name": .string(String(repeating: "x", count: count))], to: session.id)
        case .refuseIdentify, .refuseResume: break
        }
    }

    private func takeFault(_ fault: GatewayFault) -> Bool {
        guard let index = gatewayFaults.firstIndex(of: fault) else { return false }
        gatewayFaults.remove(at: index)
        return true
    }

    /// Gateway connections that were opened since the start, by whomever.
    public var gatewayConnects: Int { gatewaysOpened }

    /// Shard ids and counts with which a bot's sessions have identified.
    public func shards(of application: Snowflake) -> [[Int]] {
        sessions.values.filter { $0.application == application }.map { [$0.shard.id, $0.shard.count] }
    }

    /// Number of live gateway connections of a bot.
    public func gatewayConnections(of application: Snowflake) -> Int {
        sessions.values.count { $0.application == application && $0.connection != nil }
    }
}
