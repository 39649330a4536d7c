import DiscordModel
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// A running local Discord. Everything listens on 127.0.0.1 only.
public final class SandboxServer: Sendable {
    /// State and scripting.
    public let world: SandboxWorld
    /// For `TIMMYBOT_DISCORD_API_BASE`.
    public let apiBase: String
    /// The web page.
    public let pageURL: String
    /// PEM of the authority that signed the voice gateway's certificate, for `TIMMYBOT_DISCORD_CA_FILE`.
    public let caFile: String
    private let channels: [any Channel]
    private let ticker: Task<Void, Never>
    private let media: MediaServer

    private init(
        world: SandboxWorld, addresses: SandboxAddresses, caFile: String, channels: [any Channel], media: MediaServer
    ) {
        self.world = world
        self.media = media
        self.caFile = caFile
        self.channels = channels
        apiBase = "http://\(addresses.authority)/api/v10"
        pageURL = "http://\(addresses.authority)/"
        ticker = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                await world.tick()
            }
        }
    }

    deinit { ticker.cancel() }

    /// Binds, writes the CA file and serves. Throws where a port is taken or the directory cannot be written.
    public static func start(_ configuration: SandboxConfiguration) async throws -> SandboxServer {
        let authority = try CertificateAuthority()
        try FileManager.default.createDirectory(atPath: configuration.directory, withIntermediateDirectories: true)
        let caFile = configuration.directory + "/sandbox-ca.pem"
        try authority.authorityPEM.write(toFile: caFile, atomically: true, encoding: .utf8)
        let media = MediaServer(clock: configuration.clock)
        let world = SandboxWorld(configuration: configuration, media: media)
        media.onViolation { call, user in Task { await world.unannouncedAudio(user, call: call) } }
        let group = MultiThreadedEventLoopGroup.singleton
        let files = PageFiles(override: configuration.resourceDirectory)
        let http = try await httpServer(world, files).bind(port: configuration.httpPort, on: group)
        let gateway = try await gatewayServer(world).bind(port: configuration.gatewayPort, on: group)
        let voice = try await voiceServer(world)
            .bind(port: configuration.voicePort, tls: authority.serverContext(), on: group)
        let udp = try await media.bind(port: configuration.udpPort, on: group)
        let addresses = SandboxAddresses(
            http: http.localAddress?.port ?? 0, gateway: gateway.localAddress?.port ?? 0,
            voice: voice.localAddress?.port ?? 0, udp: udp.localAddress?.port ?? 0)
        await world.setAddresses(addresses)
        return SandboxServer(
            world: world, addresses: addresses, caFile: caFile, channels: [http, gateway, voice, udp], media: media)
    }

    /// Packets of all calls.
    public var mediaCounters: MediaCounters { media.counters }

    /// Loses every n-th media packet; 0 loses none.
    public func setPacketLoss(every count: Int) { media.setLoss(every: count) }

    /// Closes all sockets and ports.
    public func stop() async {
        ticker.cancel()
        await world.closeSockets()
        for channel in channels { try? await channel.close().get() }
    }

    // MARK: Servers

    private static func httpServer(_ world: SandboxWorld, _ files: PageFiles) -> HTTPServer {
        HTTPServer(
            respond: { await respond($0, world, files) },
            acceptSocket: { $0.path == ["sandbox", "events"] && LocalOnly.allows($0.headers) },
            serveSocket: { await servePage($0, $1, $2, world) })
    }

    /// On a port of its own, as Discord's gateway is on a host of its own: a client that pools connections would else
    /// send the upgrade on a connection that has carried REST requests, which NIO's upgrade handler does not allow.
    private static func gatewayServer(_ world: SandboxWorld) -> HTTPServer {
        HTTPServer(
            respond: { _ in .notFound }, acceptSocket: { _ in true },
            serveSocket: { await serveGateway($0, $1, $2, world) })
    }

    private static func respond(_ request: SandboxRequest, _ world: SandboxWorld, _ files: PageFiles) async
        -> SandboxResponse
    {
        switch request.path.first {
        case "api": return await world.rest(request)
        case "attachments": return await world.attachment(request.path)
        case "sandbox":
            guard LocalOnly.allows(request.headers) else { return .error(403, 0, "not from this page") }
            return await world.page(request)
        case "listen":
            guard LocalOnly.allows(request.headers), let channel = request.query["channel"].flatMap({ Snowflake($0) })
            else { return .notFound }
            let fanout = await world.fanout(ofKnown: channel)
            guard let fanout else { return .notFound }
            return .stream(type: "audio/ogg") { sink in if !fanout.add(sink) { sink.channel.close(promise: nil) } }
        default:
            return request.method == "GET" && LocalOnly.allows(request.headers)
                ? files.response(request.path) : .notFound
        }
    }

    private static func serveGateway(
        _ request: SocketRequest, _ socket: SocketHandle, _ events: AsyncStream<SocketEvent>, _ world: SandboxWorld
    ) async {
        guard let id = await world.openGateway(request, socket) else { return }
        for await event in events {
            switch event {
            case .text(let bytes), .binary(let bytes): await world.receiveGateway(bytes, from: id)
            case .closed(let code): await world.closedGateway(id, code: code)
            }
        }
    }

    private static func servePage(
        _ request: SocketRequest, _ socket: SocketHandle, _ events: AsyncStream<SocketEvent>, _ world: SandboxWorld
    ) async {
        let human = await world.human
        let user = request.query["user_id"].flatMap { Snowflake($0) } ?? human
        let id = await world.subscribe(user: user) { type, data in
            guard socket.channel.isWritable else { return }
            socket.text(JSONText.encode(["t": .string(type), "d": data]))
        }
        guard let id else { return socket.close(1013, "too many pages") }
        for await event in events { if case .closed = event { break } }
        await world.unsubscribe(id)
    }

    private static func voiceServer(_ world: SandboxWorld) -> HTTPServer {
        HTTPServer(
            respond: { _ in .notFound }, acceptSocket: { _ in true },
            serveSocket: { request, socket, events in
                guard let id = await world.openVoice(request, socket) else { return }
                for await event in events {
                    switch event {
                    case .text(let bytes): await world.receiveVoice(bytes, from: id)
                    case .binary(let bytes): await world.receiveVoiceBinary(bytes, from: id)
                    case .closed(let code): await world.closedVoice(id, code: code)
                    }
                }
            })
    }
}

/// Keeps other web sites out of a page server on loopback: DNS rebinding shows in Host, foreign pages in Origin.
enum LocalOnly {
    static func allows(_ headers: HTTPHeaders) -> Bool {
        guard let host = headers.first(name: "host") else { return false }
        let name = host.split(separator: ":").first.map(String.init) ?? ""
        guard name == "127.0.0.1" || name == "localhost" else { return false }
        guard let origin = headers.first(name: "origin") else { return true }
        return origin == "http://\(host)"
    }
}

extension SandboxWorld {
    func attachment(_ path: [String]) -> SandboxResponse {
        guard path.count == 4, let id = Snowflake(path[2]), let file = attachments[id], file.filename == path[3] else {
            return .notFound
        }
        return .bytes(200, type: file.contentType, file.bytes)
    }

    func fanout(ofKnown channel: Snowflake) -> OggFanout? { channelGuilds[channel].map { _ in fanout(of: channel) } }

    func closeSockets() {
        for connection in connections.values { connection.socket.close(1001) }
        for connection in voiceConnections.values { connection.socket.close(1001) }
        for waiters in answerWaiters.values { for waiter in waiters.values { waiter.resume(returning: nil) } }
        answerWaiters = [:]
    }
}
