import DiscordModel
import NIOCore
import NIOPosix
import Synchronization

/// The UDP side of all calls: IP discovery, keep-alive echo, decryption and forwarding.
/// State behind one lock; packets come in on the socket's event loop, changes from the world's actor.
final class MediaServer: Sendable {
    /// Hears the packets of a call inside this process. Called on the media event loop.
    typealias Ear = @Sendable (_ sender: Snowflake, _ packet: RTPPacket, _ frame: [UInt8], _ arrival: Double) -> Void

    private struct Route {
        let user: Snowflake
        let call: Snowflake
        var cipher: TransportCipher?
        /// Of the packets under this key, the first `maximumNonces`.
        var nonces: Set<UInt32> = []
        var address: SocketAddress?
        var announced = false
        var silenced = false
        var received = 0
    }

    private struct State {
        var routes: [UInt32: Route] = [:]
        var members: [Snowflake: Set<UInt32>] = [:]
        var ears: [Snowflake: [Snowflake: Ear]] = [:]
        /// Sent audio before op 5.
        var violations: Set<UInt32> = []
        var counters = MediaCounters()
        var dropEvery = 0
    }

    /// An hour of packets.
    private static let maximumNonces = 180_000

    private let state = Mutex(State())
    private let clock: @Sendable () -> Double
    /// Told of the call and user that sent audio without having announced it.
    private let violated = Mutex<(@Sendable (Snowflake, Snowflake) -> Void)?>(nil)

    init(clock: @escaping @Sendable () -> Double) { self.clock = clock }

    func onViolation(_ run: @escaping @Sendable (Snowflake, Snowflake) -> Void) { violated.withLock { $0 = run } }

    var counters: MediaCounters { state.withLock { $0.counters } }

    /// Loses every n-th packet of those that arrive; 0 loses none.
    func setLoss(every count: Int) { state.withLock { $0.dropEvery = count } }

    // MARK: Changes

    func add(ssrc: UInt32, user: Snowflake, call: Snowflake, silenced: Bool) {
        state.withLock {
            $0.routes[ssrc] = Route(user: user, call: call, silenced: silenced)
            $0.members[call, default: []].insert(ssrc)
        }
    }

    func setKey(_ key: [UInt8], mode: VoiceEncryptionMode, of ssrc: UInt32) -> Bool {
        state.withLock {
            $0.routes[ssrc]?.cipher = TransportCipher(mode, key: key)
            $0.routes[ssrc]?.nonces = []
            return $0.routes[ssrc]?.cipher != nil
        }
    }

    func setAnnounced(_ ssrc: UInt32) { state.withLock { $0.routes[ssrc]?.announced = true } }

    func setSilenced(_ silenced: Bool, user: Snowflake, call: Snowflake) {
        state.withLock { state in
            for ssrc in state.members[call] ?? [] where state.routes[ssrc]?.user == user {
                state.routes[ssrc]?.silenced = silenced
            }
        }
    }

    func remove(ssrc: UInt32) {
        state.withLock {
            guard let route = $0.routes.removeValue(forKey: ssrc) else { return }
            $0.members[route.call]?.remove(ssrc)
            $0.violations.remove(ssrc)
        }
    }

    func setEar(_ ear: Ear?, of user: Snowflake, call: Snowflake) {
        state.withLock {
            $0.ears[call, default: [:]][user] = ear
            if $0.ears[call]?.isEmpty == true { $0.ears[call] = nil }
        }
    }

    // MARK: Packets

    /// Packets to send in answer to one that arrived.
    func handle(_ bytes: [UInt8], from address: SocketAddress) -> [(SocketAddress, [UInt8])] {
        if bytes.count == 74, bytes[0] == 0, bytes[1] == 1 { return discover(bytes, address) }
        if bytes.count == 8 { return [(address, bytes)] }
        guard var packet = RTPPacket(bytes) else { return [] }
        let arrival = clock()
        var heard: [Ear] = []
        var frame: [UInt8] = []
        var sender: Snowflake = 0
        var offender: (Snowflake, Snowflake)?
        let sent = state.withLock { state -> [(SocketAddress, [UInt8])] in
            guard let opened = Self.open(bytes, packet, address, &state) else { return [] }
            packet.reusesNonce = Self.hasSeen(packet.nonce, &state.routes[packet.ssrc])
            guard let route = state.routes[packet.ssrc] else { return [] }
            guard route.announced else {
                state.counters.unannounced += 1
                if state.violations.insert(packet.ssrc).inserted { offender = (route.call, route.user) }
                return []
            }
            guard !route.silenced else { return [] }
            sender = route.user
            heard = state.ears[route.call].map { ears in ears.filter { $0.key != route.user }.map(\.value) } ?? []
            frame = Array(opened.dropFirst(packet.extensionLength))
            return Self.forward(bytes, packet, opened, route, &state)
        }
        for ear in heard { ear(sender, packet, frame, arrival) }
        if let offender { violated.withLock { $0 }?(offender.0, offender.1) }
        return sent
    }

    private static func open(
        _ bytes: [UInt8], _ packet: RTPPacket, _ address: SocketAddress, _ state: inout State
    ) -> [UInt8]? {
        state.counters.received += 1
        if state.dropEvery > 0, state.counters.received % state.dropEvery == 0 { return nil }
        guard let cipher = state.routes[packet.ssrc]?.cipher,
            let opened = cipher.open(bytes, headerLength: packet.headerLength), opened.count >= packet.extensionLength
        else {
            state.counters.refused += 1
            return nil
        }
        state.routes[packet.ssrc]?.address = address
        state.routes[packet.ssrc]?.received += 1
        return opened
    }

    private static func hasSeen(_ nonce: UInt32, _ route: inout Route?) -> Bool {
        if route?.nonces.contains(nonce) == true { return true }
        if let count = route?.nonces.count, count < maximumNonces { route?.nonces.insert(nonce) }
        return false
    }

    private static func forward(
        _ bytes: [UInt8], _ packet: RTPPacket, _ opened: [UInt8], _ route: Route, _ state: inout State
    ) -> [(SocketAddress, [UInt8])] {
        let header = Array(bytes[..<packet.headerLength])
        return (state.members[route.call] ?? []).compactMap { ssrc in
            guard ssrc != packet.ssrc, let other = state.routes[ssrc], let address = other.address,
                let sealed = other.cipher?.seal(opened, header: header)
            else { return nil }
            state.counters.forwarded += 1
            return (address, sealed)
        }
    }

    /// IP discovery: type 2, length 70, ssrc, address as text, port.
    private func discover(_ bytes: [UInt8], _ address: SocketAddress) -> [(SocketAddress, [UInt8])] {
        let ssrc = RTPPacket.word(bytes, 4)
        let known = state.withLock { state -> Bool in
            guard state.routes[ssrc] != nil else { return false }
            state.routes[ssrc]?.address = address
            return true
        }
        guard known, let text = address.ipAddress, let port = address.port else { return [] }
        var answer = [0, 2, 0, 70] + Array(bytes[4..<8]) + Array(text.utf8)
        answer += [UInt8](repeating: 0, count: 72 - answer.count)
        answer += [UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)]
        return [(address, answer)]
    }

    func bind(port: Int, on group: any EventLoopGroup) async throws -> any Channel {
        try await DatagramBootstrap(group: group)
            .channelOption(.socketOption(.so_rcvbuf), value: 4 << 20)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(MediaHandler(server: self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }
}

/// Counts of the media server.
public struct MediaCounters: Sendable, Equatable {
    /// RTP packets that arrived.
    public var received = 0
    /// Of these, not decryptable or of an unknown ssrc.
    public var refused = 0
    /// Of these, sent before op 5 Speaking.
    public var unannounced = 0
    /// Copies sent to other clients.
    public var forwarded = 0
}

final class MediaHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let server: MediaServer

    init(server: MediaServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard envelope.data.readableBytes <= 4096 else { return }
        for (address, bytes) in server.handle(Array(envelope.data.readableBytesView), from: envelope.remoteAddress) {
            let packet = AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes))
            context.write(wrapOutboundOut(packet), promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
}
