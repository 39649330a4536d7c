import AudioRing
import DiscordModel
import Foundation
import Logging
import Synchronization
import WebSocketClient

/// What happens to a voice connection.
public enum VoiceEvent: Sendable, Equatable {
    /// Audio flows.
    case ready
    /// A ring came to its end, or broke.
    case ringEnded(VoiceSender.EndedRing)
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

    /// What is to be played, whether or not there is a sender yet. Behind a lock and not the actor's, so that what is
    /// asked for happens in the order of the calls.
    private struct Desk: Sendable {
        var sender: VoiceSender?
        var ring: AudioRing?
        var upcoming: AudioRing?
        var isPaused = false

        var isSpeaking: Bool { ring != nil && !isPaused }
    }

    private nonisolated let desk = Mutex(Desk())
    private var session: VoiceSession
    private var transport: (any WebSocketTransport)?
    private var connecting: Task<any WebSocketTransport, any Error>?
    private var socket: VoiceSocket?
    /// Whether op 5 is out for the current sender; before that the pump does not know it.
    private var isOpen = false
    private var closing = false
    private var heart: Task<Void, Never>?
    private var deadline: Task<Void, Never>?

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

    /// Plays `ring` from the next 20 ms on, in place of what plays now and of what was to follow. The ring that plays
    /// already goes on where it is. Lifts a pause. Any thread.
    ///
    /// - Parameter atOnce: what plays is not heard until `ring` has something: `ring` begins with the same packets.
    public nonisolated func play(_ ring: AudioRing, atOnce: Bool = false) {
        change { desk in
            desk.ring = ring
            desk.upcoming = nil
            desk.isPaused = false
            desk.sender?.play(ring, atOnce: atOnce)
        }
    }

    /// Plays `ring` without a gap after the current one; nil plays nothing then. Any thread.
    public nonisolated func enqueue(_ ring: AudioRing?) {
        desk.withLock { desk in
            desk.upcoming = ring
            desk.sender?.enqueue(ring)
        }
    }

    /// Stops sending and pulling. Any thread.
    public nonisolated func pause() { change { $0.isPaused = true } }

    public nonisolated func resume() { change { $0.isPaused = false } }

    /// Ends with five frames of silence. Any thread.
    public nonisolated func stop() {
        change { desk in
            desk.ring = nil
            desk.upcoming = nil
            desk.sender?.play(nil)
        }
    }

    /// Changes the desk, and tells the call where that makes us begin or end to speak.
    private nonisolated func change(_ body: (inout Desk) -> Void) {
        let news = desk.withLock { desk in
            let before = desk.isSpeaking
            body(&desk)
            desk.sender?.isPaused = desk.isPaused
            return desk.isSpeaking != before
        }
        // In whatever order these come, each says how it is by then.
        if news { Task { await speak() } }
    }

    public var statistics: VoiceStatistics { desk.withLock { $0.sender }?.statistics ?? VoiceStatistics() }
    public var voicePrivacyCode: String? { session.voicePrivacyCode }

    /// Leaves: lets the silence frames out, then closes.
    public func close() async {
        closing = true
        connecting?.cancel()
        let sender = desk.withLock { $0.sender }
        if let sender {
            sender.play(nil)
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
            transport = try await connected(options)
        } catch {
            if !closing { logger.warning("voice: \(error)") }
            return await perform(session.handle(.closed(code: nil))) ?? .again(delay: 1_000)
        }
        // Closed meanwhile: a second identify with the same token would end the connection that took this one's place.
        guard !closing else {
            transport.abort()
            return .again(delay: 0)
        }
        self.transport = transport
        defer {
            self.transport = nil
            heart?.cancel()
            deadline?.cancel()
        }
        _ = await perform(session.handle(.connected))
        for await event in transport.events {
            if let outcome = await receive(event) { return outcome }
        }
        return await perform(session.handle(.closed(code: nil))) ?? .again(delay: 1_000)
    }

    /// Connects in a task of its own, which `close` cancels.
    private func connected(_ options: WebSocketConfiguration) async throws -> any WebSocketTransport {
        let task = Task { [connect] in try await connect(options) }
        connecting = task
        defer { connecting = nil }
        return try await task.value
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
            case .expect(let milliseconds): expect(milliseconds)
            case .discover(let host, let port, let ssrc): outcome = await discover(host, port, ssrc) ?? outcome
            case .open(let mode, let key, let ssrc): await open(mode, key, ssrc)
            case .installSender(let ratchet): desk.withLock { $0.sender }?.encryptor.install(ratchet)
            case .blockSender: desk.withLock { $0.sender }?.encryptor.block()
            case .resumed:
                logger.info("voice: resumed")
                // What was said meanwhile went nowhere.
                if isOpen { await speak() } else { await startSending() }
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
        await endSender()
        guard !closing else { return }
        // Its encryptor is blocked until the session says otherwise.
        let sender = VoiceSender(descriptor: socket.descriptor, ssrc: ssrc, cipher: cipher)
        desk.withLock { desk in
            sender.isPaused = desk.isPaused
            if let ring = desk.ring { sender.play(ring) }
            if let upcoming = desk.upcoming { sender.enqueue(upcoming) }
            desk.sender = sender
        }
        await startSending()
    }

    private func endSender() async {
        isOpen = false
        let old = desk.withLock { desk in
            defer { desk.sender = nil }
            return desk.sender
        }
        if let old { await pump.remove(old) }
    }

    /// Op 5 comes before the first packet: the pump gets to know the sender only when that is out. Where it cannot be
    /// sent now, a resume comes back here.
    private func startSending() async {
        let sender = desk.withLock { $0.sender }
        guard let sender, let socket, await send(session.speaking(true)) else { return }
        // The connection may have been closed, or opened anew, while that was sent.
        guard desk.withLock({ $0.sender }) === sender, !isOpen, !closing else { return }
        isOpen = true
        pump.add(sender, socket: socket) { [sink] in sink.yield(.ringEnded($0)) }
        sink.yield(.ready)
    }

    /// Says whether something is being sent.
    private func speak() async {
        if isOpen { await send(session.speaking(desk.withLock { $0.isSpeaking })) }
    }

    /// Whether it was handed to a connection that stands.
    @discardableResult
    private func send(_ payload: JSONValue) async -> Bool {
        guard let transport, let data = try? JSONEncoder().encode(payload) else { return false }
        do {
            try await transport.send(.text(String(decoding: data, as: UTF8.self)))
            return true
        } catch {
            return false
        }
    }

    private func expect(_ milliseconds: Int?) {
        deadline?.cancel()
        deadline = milliseconds.map { milliseconds in
            Task { [weak self, clock] in
                do { try await clock.sleep(for: .milliseconds(milliseconds)) } catch { return }
                await self?.overdue()
            }
        }
    }

    private func overdue() async {
        guard !Task.isCancelled else { return }
        _ = await perform(session.handle(.overdue))
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

    private func tearDown() async {
        heart?.cancel()
        deadline?.cancel()
        await endSender()
        socket = nil
    }
}
