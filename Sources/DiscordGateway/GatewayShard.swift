import DiscordModel
import Foundation
import Logging
import WebSocketClient

/// Tells a shard where to connect and when it may identify.
public protocol GatewayInformationSource: Sendable {
    func gatewayInformation() async throws -> GatewayInformation
}

/// Discord will not have us; nothing but the operator can mend it.
public struct GatewayStopped: Error, Equatable, CustomStringConvertible {
    public let message: String
    /// With which the gateway closed; nil where it did not come as far as that.
    public let closeCode: UInt16?
    /// Whether it is the bot token that Discord refuses.
    public let refusesToken: Bool
    public var description: String { message }

    public init(message: String, closeCode: UInt16? = nil, refusesToken: Bool = false) {
        self.message = message
        self.closeCode = closeCode
        self.refusesToken = refusesToken || closeCode == 4004
    }
}

/// One shard: performs what `GatewaySession` decides, on one loop, so that events keep their order.
public actor GatewayShard {
    public typealias Connect = @Sendable (WebSocketConfiguration) async throws -> any WebSocketTransport

    /// Dispatched events in the order of arrival; read by one consumer.
    public nonisolated let events: AsyncStream<GatewayDispatch>
    private let sink: AsyncStream<GatewayDispatch>.Continuation
    private let configuration: GatewayConfiguration
    private let information: any GatewayInformationSource
    private let clock: any Clock<Duration>
    private let connect: Connect
    private let logger: Logger

    private var session: GatewaySession
    private var limiter = SendLimiter()
    private var identifies: IdentifyLimiter?
    private var socket: (any WebSocketTransport)?
    private var heart: Task<Void, Never>?
    private var baseURL: String?
    private var stopping = false
    private var isReady = false
    /// Sessions that came up so far, resumed ones too.
    private var sessions = 0
    /// Op 4s that wait for a session, or for their turn.
    private var waiting = VoiceStateQueue()
    private var flushing: Task<Void, Never>?
    private static let waitingLimit = 1_000
    private static let helloTimeout = Duration.seconds(20)
    /// Seconds on `clock` since this shard was made.
    private let seconds: @Sendable () -> Double
    private var resting: Task<Void, any Error>?

    public init(
        _ configuration: GatewayConfiguration, information: any GatewayInformationSource, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        connect: @escaping Connect = { try await WebSocketConnection.connect($0) }
    ) {
        self.configuration = configuration
        self.information = information
        self.clock = clock
        seconds = Self.stopwatch(clock)
        self.connect = connect
        self.logger = logger
        session = GatewaySession(configuration, random: random)
        // Unbounded on purpose: the gateway itself bounds what it sends, and a dropped voice event would strand a guild.
        (events, sink) = AsyncStream.makeStream(of: GatewayDispatch.self)
    }

    /// Runs until `stop` is called; throws `GatewayStopped` where Discord ends it for good.
    public func run() async throws {
        defer { sink.finish() }
        var next: (url: String?, delay: Int, identify: Bool) = (nil, 0, true)
        while !stopping, !Task.isCancelled {
            do {
                if next.delay > 0 { try await rest(.milliseconds(next.delay)) }
                guard !stopping else { return }
                if next.identify { try await waitForIdentify() }
                let url = try await address(next.url)
                next = try await connection(url)
            } catch let stopped as GatewayStopped {
                throw stopped
            } catch is CancellationError {
                return
            } catch {
                logger.warning("gateway: \(error)")
                next = follow(session.handle(.closed(code: nil))).reconnect ?? (nil, 1_000, true)
            }
        }
    }

    /// Sends op 4: joins, moves or leaves (`channel` nil) a voice channel. Without a session at the moment it is sent
    /// once there is one again; what the guild asked for before, and is not out yet, gives way to it.
    ///
    /// - Parameter sent: called when it is out, or will never be because too many wait; not where it gave way to a later
    ///   one. From this actor.
    public func updateVoiceState(
        guild: Snowflake, channel: Snowflake?, selfDeaf: Bool = true, sent: @escaping @Sendable () -> Void = {}
    ) async {
        guard waiting.count < Self.waitingLimit else {
            logger.error("gateway: \(waiting.count) commands wait already; one more was refused")
            return sent()
        }
        waiting.add(VoiceStateQueue.Item(guild: guild, channel: channel, selfDeaf: selfDeaf, sent: sent))
        flush()
    }

    /// The number of the session that stands, new with every READY and RESUMED; nil while there is none.
    public var standingSession: Int? { isReady ? sessions : nil }

    /// Returns once the commands so far are sent, or wait for a session that is not there.
    public func flushed() async { while let flushing { await flushing.value } }

    /// Leaves for good; Discord shows the bot as offline.
    public func stop() async {
        stopping = true
        heart?.cancel()
        resting?.cancel()
        await socket?.close(code: 1000)
    }

    // MARK: Connecting

    private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Double {
        let started = clock.now
        return { started.duration(to: clock.now) / .seconds(1) }
    }

    /// Sleeps; `stop` ends it at once with `CancellationError`.
    private func rest(_ duration: Duration) async throws {
        guard !stopping else { throw CancellationError() }
        let sleep = Task { [clock] in try await clock.sleep(for: duration) }
        resting = sleep
        defer { resting = nil }
        try await withTaskCancellationHandler {
            try await sleep.value
        } onCancel: {
            sleep.cancel()
        }
    }

    private func waitForIdentify() async throws {
        if identifies == nil {
            let fetched = try await information.gatewayInformation()
            baseURL = fetched.url
            identifies = IdentifyLimiter(fetched, now: seconds())
        }
        while let wait = identifies?.delay(shard: configuration.shard.id, now: seconds()), wait > 0 {
            logger.notice("gateway: waiting \(Int(wait.rounded(.up))) s before identifying")
            try await rest(.seconds(wait))
        }
    }

    private func address(_ resumeURL: String?) async throws -> String {
        if baseURL == nil { baseURL = try await information.gatewayInformation().url }
        var url = resumeURL ?? baseURL ?? ""
        while url.hasSuffix("/") { url.removeLast() }
        url += "/?v=10&encoding=json"
        if configuration.compression != .none { url += "&compress=\(configuration.compression.rawValue)" }
        return url
    }

    private func connection(_ url: String) async throws -> (url: String?, delay: Int, identify: Bool) {
        var options = WebSocketConfiguration(url: url)
        options.trustedCAFile = configuration.trustedCAFile
        let socket = try await connect(options)
        guard let inflater = Inflater(configuration.compression) else { throw InflateError.corrupt }
        self.socket = socket
        defer {
            self.socket = nil
            isReady = false
            heart?.cancel()
        }
        limiter = SendLimiter()
        expectHello(of: socket)
        var outcome = await perform(session.handle(.connected))
        for await event in socket.events {
            switch event {
            case .message(let message): outcome = await receive(message, inflater)
            case .closed(let code, let reason):
                logger.info("gateway: closed \(code.map(String.init) ?? "without a code") \(reason)")
                outcome = await perform(session.handle(.closed(code: code)))
                if let stop = outcome.stop { throw GatewayStopped(message: stop, closeCode: code) }
                if let reconnect = outcome.reconnect { return reconnect }
            }
        }
        outcome = await perform(session.handle(.closed(code: nil)))
        return outcome.reconnect ?? (nil, 1_000, true)
    }

    private func receive(_ message: WebSocketMessage, _ inflater: Inflater) async -> Outcome {
        do {
            let bytes: [UInt8]?
            switch message {
            case .text(let text): bytes = Array(text.utf8)
            case .binary(let data): bytes = try inflater.push(data)
            }
            guard let bytes else { return Outcome() }
            let payload = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            return await perform(session.handle(.payload(payload)))
        } catch {
            logger.warning("gateway: unreadable payload, starting a new connection")
            return await perform(session.handle(.unreadable))
        }
    }

    // MARK: Doing

    private struct Outcome {
        var reconnect: (url: String?, delay: Int, identify: Bool)?
        var stop: String?
    }

    private func follow(_ actions: [GatewaySession.Action]) -> Outcome {
        var outcome = Outcome()
        for case .reconnect(let url, let delay, let identify) in actions { outcome.reconnect = (url, delay, identify) }
        for case .stop(let message) in actions { outcome.stop = message }
        return outcome
    }

    private func perform(_ actions: [GatewaySession.Action]) async -> Outcome {
        for action in actions {
            switch action {
            case .send(let payload):
                let opcode = payload["op"]?.int.map(Int.init)
                // Counted here and not before the connect: one that fails uses up no identify.
                if opcode == GatewayOpcode.identify { identifies?.take(shard: configuration.shard.id, now: seconds()) }
                await send(payload, heartbeat: opcode == GatewayOpcode.heartbeat)
            case .heartbeat(let first, let interval): startHeart(first: first, interval: interval)
            case .dispatch(let event): sink.yield(event)
            case .disconnect(let abort): if abort { socket?.abort() } else { await socket?.close(code: 4900) }
            case .ready:
                logger.info("gateway: session is up")
                isReady = true
                sessions += 1
                flush()
            case .reconnect, .stop: break
            }
        }
        return follow(actions)
    }

    private func startHeart(first: Int, interval: Int) {
        heart?.cancel()
        heart = Task { [weak self, clock] in
            var wait = first
            while !Task.isCancelled {
                do { try await clock.sleep(for: .milliseconds(wait)) } catch { return }
                await self?.beat()
                wait = interval
            }
        }
    }

    /// A server that accepts and says nothing is given up.
    private func expectHello(of socket: any WebSocketTransport) {
        heart?.cancel()
        heart = Task { [clock, logger] in
            do { try await clock.sleep(for: Self.helloTimeout) } catch { return }
            logger.warning("gateway: no hello in time")
            socket.abort()
        }
    }

    private func beat() async {
        guard socket != nil else { return }
        _ = await perform(session.handle(.heartbeatDue))
    }

    /// One task sends what waits, apart from the receiving loop: the send limit may hold it up for a minute.
    private func flush() {
        guard flushing == nil, isReady, !waiting.isEmpty else { return }
        flushing = Task {
            let used = await sendWaiting()
            flushing = nil
            // Meanwhile another connection's session may have come up, and found this task still at work.
            if socket !== used { flush() }
        }
    }

    /// Returns the connection on which that ended: all is sent, or the connection is over.
    private func sendWaiting() async -> (any WebSocketTransport)? {
        while isReady, let target = socket, !waiting.isEmpty {
            // Taken out only when it may go: until then its guild may change its mind.
            guard await waitForTurn(on: target), let next = waiting.popFirst() else { return target }
            guard await transmit(next.payload, on: target) else {
                waiting.putBack(next)
                return target
            }
            next.sent()
        }
        return socket
    }

    /// False where there is no connection to send on, or it ended meanwhile.
    @discardableResult
    private func send(_ payload: JSONValue, heartbeat: Bool = false) async -> Bool {
        guard let target = socket, await waitForTurn(on: target, heartbeat: heartbeat) else { return false }
        return await transmit(payload, on: target)
    }

    /// Waits until the send limit lets one more through; false where the connection ended meanwhile.
    private func waitForTurn(on target: any WebSocketTransport, heartbeat: Bool = false) async -> Bool {
        while true {
            let delay = limiter.delay(now: seconds(), heartbeat: heartbeat)
            if delay <= 0 { return true }
            guard (try? await clock.sleep(for: .seconds(delay))) != nil, socket === target else { return false }
        }
    }

    private func transmit(_ payload: JSONValue, on target: any WebSocketTransport) async -> Bool {
        guard let data = try? JSONEncoder().encode(payload), data.count <= Limits.gatewayPayload else {
            logger.error("gateway: payload over \(Limits.gatewayPayload) bytes was not sent")
            return true
        }
        do {
            try await target.send(.text(String(decoding: data, as: UTF8.self)))
            return true
        } catch {
            return false
        }
    }
}
