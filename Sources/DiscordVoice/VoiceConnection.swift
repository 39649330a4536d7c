import AudioRing
import DiscordModel
import Foundation
import Logging
import WebSocketClient

/// What happens to a voice connection.
public enum VoiceEvent: Sendable, Equatable {
    /// Audio flows.
    case ready
    /// The current ring came to its end, or broke.
    case ringEnded(VoiceSender.Ending)
    /// The voice session is over; a new one is to be asked for through the gateway.
    case needsNewSession(reason: String)
    /// Taken out of the call. The gateway tells of a kick by our voice state, of a move by a new voice server.
    case disconnected(message: String)
    /// Nothing more to be done here.
    case stopped(message: String)
}

/// One bot in one voice channel: performs what `VoiceSession` decides. The audio itself is sent by the pump, which goes
/// on while the WebSocket is being resumed.
public actor VoiceConnection {
    public typealias Connect = @Sendable (WebSocketConfiguration) async throws -> any WebSocketTransport

    public nonisolated let events: AsyncStream<VoiceEvent>
    private let sink: AsyncStream<VoiceEvent>.Continuation
    private let endpoint: String
    private let trustedCAFile: String?
    private let pump: VoicePump
    private let clock: any Clock<Duration>
    private let connect: Connect
    private let logger: Logger

    private var session: VoiceSession
    private var transport: (any WebSocketTransport)?
    private var socket: VoiceSocket?
    private var sender: VoiceSender?
    private var ring: AudioRing?
    private var paused = false
    private var isOpen = false
    private var closing = false
    private var tasks: [Task<Void, Never>] = []
    private var heart: Task<Void, Never>?

    public init(
        _ identity: VoiceIdentity, endpoint: String, trustedCAFile: String?, pump: VoicePump, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(),
        connect: @escaping Connect = { try await WebSocketConnection.connect($0) }
    ) {
        session = VoiceSession(identity)
        self.endpoint = endpoint
        self.trustedCAFile = trustedCAFile
        self.pump = pump
        self.clock = clock
        self.connect = connect
        self.logger = logger
        (events, sink) = AsyncStream.makeStream(of: VoiceEvent.self, bufferingPolicy: .bufferingNewest(64))
    }

    // MARK: Playing

    /// Plays `ring` from the next 20 ms on, in place of what plays now.
    public func play(_ ring: AudioRing) async {
        self.ring = ring
        paused = false
        sender?.isPaused = false
        sender?.play(ring)
        await speak(true)
    }

    /// Plays `ring` without a gap after the current one.
    public func enqueue(_ ring: AudioRing) { sender?.enqueue(ring) }

    public func pause() async {
        paused = true
        sender?.isPaused = true
        await speak(false)
    }

    public func resume() async {
        paused = false
        sender?.isPaused = false
        await speak(true)
    }

    /// Ends with five frames of silence.
    public func stop() async {
        ring = nil
        sender?.play(nil)
        await speak(false)
    }

    public var statistics: VoiceStatistics { sender?.statistics ?? VoiceStatistics() }
    public var voicePrivacyCode: String? { session.voicePrivacyCode }

    /// Leaves: lets the silence frames out, then closes.
    public func close() async {
        closing = true
        if sender != nil {
            sender?.play(nil)
            try? await clock.sleep(for: .milliseconds(120))
        }
        await transport?.close(code: 1000)
        await tearDown()
        sink.finish()
    }

    // MARK: Running

    /// Runs until the connection is closed or over; the outcome is the last event.
    public func run() async {
        var delay = 0
        while !closing {
            if delay > 0 { try? await clock.sleep(for: .milliseconds(delay)) }
            guard !closing else { return }
            switch await connection() {
            case .again(let milliseconds): delay = milliseconds
            case .over(let event):
                await tearDown()
                if !closing { sink.yield(event) }
                sink.finish()
                return
            }
        }
    }

    private enum Outcome {
        case again(delay: Int)
        case over(VoiceEvent)
    }

    private func connection() async -> Outcome {
        var options = WebSocketConfiguration(url: "wss://\(endpoint)/?v=8")
        options.trustedCAFile = trustedCAFile
        let transport: any WebSocketTransport
        do {
            transport = try await connect(options)
        } catch {
            logger.warning("voice: \(error)")
            return await perform(session.handle(.closed(code: nil))) ?? .again(delay: 1_000)
        }
        self.transport = transport
        defer {
            self.transport = nil
            heart?.cancel()
        }
        _ = await perform(session.handle(.connected))
        for await event in transport.events {
            if let outcome = await receive(event) { return outcome }
        }
        return await perform(session.handle(.closed(code: nil))) ?? .again(delay: 1_000)
    }

    private func receive(_ event: WebSocketEvent) async -> Outcome? {
        switch event {
        case .message(.text(let text)):
            guard let payload = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
                logger.warning("voice: unreadable message")
                return nil
            }
            return await perform(session.handle(.text(payload)))
        case .message(.binary(let bytes)): return await perform(session.handle(.binary(bytes)))
        case .closed(let code, let reason):
            logger.info("voice: closed \(code.map(String.init) ?? "without a code") \(reason)")
            return await perform(session.handle(.closed(code: code)))
        }
    }

    private func perform(_ actions: [VoiceSession.Action]) async -> Outcome? {
        var outcome: Outcome?
        for action in actions {
            switch action {
            case .send(let payload): await send(payload)
            case .sendBinary(let bytes): try? await transport?.send(.binary(bytes))
            case .heartbeat(let interval): startHeart(interval)
            case .discover(let host, let port, let ssrc): outcome = await discover(host, port, ssrc) ?? outcome
            case .open(let mode, let key, let ssrc): await open(mode, key, ssrc)
            case .installSender(let ratchet): sender?.encryptor.install(ratchet)
            case .blockSender: sender?.encryptor.block()
            case .resumed: logger.info("voice: resumed")
            case .abort: transport?.abort()
            case .reconnect(let delay): outcome = .again(delay: delay)
            case .newSession(let reason): outcome = .over(.needsNewSession(reason: reason))
            case .disconnected(let message): outcome = .over(.disconnected(message: message))
            case .stop(let message): outcome = .over(.stopped(message: message))
            case .note(let text): logger.info("voice: \(text)")
            }
        }
        return outcome
    }

    private func discover(_ host: String, _ port: UInt16, _ ssrc: UInt32) async -> Outcome? {
        guard let socket = VoiceSocket(host: host, port: port) else {
            return .over(.needsNewSession(reason: "the voice server's address cannot be used"))
        }
        self.socket = socket
        guard let found = await socket.discover(ssrc: ssrc) else {
            return .over(.stopped(message: "no UDP path to the voice server: check the firewall"))
        }
        return await perform(session.handle(.discovered(address: found.address, port: found.port)))
    }

    private func open(_ mode: VoiceEncryptionMode, _ key: [UInt8], _ ssrc: UInt32) async {
        guard let socket, let cipher = TransportCipher(mode, key: key) else { return }
        if let old = sender { await pump.remove(old) }
        let sender = VoiceSender(descriptor: socket.descriptor, ssrc: ssrc, cipher: cipher)
        sender.isPaused = paused
        if let ring { sender.play(ring) }
        self.sender = sender
        pump.add(sender)
        watch(sender, socket)
        isOpen = true
        await speak(true)
        sink.yield(.ready)
    }

    private func speak(_ speaking: Bool) async {
        if isOpen { await send(session.speaking(speaking)) }
    }

    private func send(_ payload: JSONValue) async {
        guard let data = try? JSONEncoder().encode(payload) else { return }
        try? await transport?.send(.text(String(decoding: data, as: UTF8.self)))
    }

    private func startHeart(_ interval: Int) {
        heart?.cancel()
        heart = Task { [weak self, clock] in
            while !Task.isCancelled {
                do { try await clock.sleep(for: .milliseconds(interval)) } catch { return }
                await self?.beat()
            }
        }
    }

    private func beat() async { _ = await perform(session.handle(.heartbeatDue)) }

    /// Tells of ended rings, keeps the UDP path alive, and throws away what others say. The pump itself calls nobody.
    private func watch(_ sender: VoiceSender, _ socket: VoiceSocket) {
        for task in tasks { task.cancel() }
        let sink = sink, clock = clock
        tasks = [
            Task {
                var seen = 0, round: UInt64 = 0
                while !Task.isCancelled {
                    if sender.endingCount != seen {
                        seen = sender.endingCount
                        sink.yield(.ringEnded(sender.ending))
                    }
                    round += 1
                    if round % 250 == 0 { socket.keepAlive(round / 250) }
                    if round % 5 == 0 { socket.drain() }
                    do { try await clock.sleep(for: .milliseconds(20)) } catch { return }
                }
            }
        ]
    }

    private func tearDown() async {
        heart?.cancel()
        for task in tasks { task.cancel() }
        tasks = []
        isOpen = false
        if let sender { await pump.remove(sender) }
        sender = nil
        socket = nil
    }
}
