import AsyncHTTPClient
import NIOCore
import NIOSSL
import Synchronization

/// HTTP clients that each know one name and the one address that was checked for it. The client looks nothing up: it
/// connects to that address, and asks for, and verifies, the name. So what was checked is what is connected to.
///
/// Connections are kept for reuse; clients beyond `maximumIdle` that nobody uses are shut down, the longest unused first.
final class PinnedClients: Sendable {
    static let maximumIdle = 64
    static let connectTimeout = TimeAmount.seconds(5)

    struct Pin: Hashable, Sendable {
        /// As it stands in the URL.
        let host: String
        let address: IPAddress
    }

    struct ShutDown: Error {}

    private struct Entry {
        let client: HTTPClient
        var users = 0
        var lastUse: UInt64 = 0
    }

    private struct State {
        var entries: [Pin: Entry] = [:]
        var uses: UInt64 = 0
        var isShutDown = false
    }

    private let state = Mutex(State())
    private let configuration: HTTPClient.Configuration

    /// - Parameter trustedCAFile: PEM of roots that are trusted beside the system's; for tests.
    init(trustedCAFile: String?) {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let trustedCAFile { tls.additionalTrustRoots = [.file(trustedCAFile)] }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: Self.connectTimeout),
            decompression: .disabled)
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.retryConnectionEstablishment = false
        // Streams hold their connection for as long as a track plays; callers have limits of their own.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2_048
        configuration.httpVersion = .http1Only
        self.configuration = configuration
    }

    deinit {
        for entry in state.withLock({ $0.entries.values }) { Self.retire(entry.client) }
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// Give it back with `release`, once.
    func take(_ pin: Pin) throws(ShutDown) -> HTTPClient {
        let (client, unused) = try state.withLock { state throws(ShutDown) -> (HTTPClient, [HTTPClient]) in
            guard !state.isShutDown else { throw ShutDown() }
            var entry = state.entries[pin] ?? Entry(client: make(pin))
            state.uses += 1
            entry.users += 1
            entry.lastUse = state.uses
            state.entries[pin] = entry
            return (entry.client, Self.trim(&state))
        }
        for client in unused { Self.retire(client) }
        return client
    }

    func release(_ pin: Pin) {
        let unused = state.withLock { state in
            state.entries[pin]?.users -= 1
            return Self.trim(&state)
        }
        for client in unused { Self.retire(client) }
    }

    /// Cuts every request off.
    func shutdown() async {
        let clients = state.withLock { state in
            state.isShutDown = true
            defer { state.entries = [:] }
            return state.entries.values.map(\.client)
        }
        for client in clients { try? await client.shutdown() }
    }

    private func make(_ pin: Pin) -> HTTPClient {
        var configuration = configuration
        configuration.dnsOverride = [pin.host: pin.address.description]
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private static func trim(_ state: inout State) -> [HTTPClient] {
        var idle = state.entries.filter { $0.value.users == 0 }.sorted { $0.value.lastUse < $1.value.lastUse }
        idle.removeLast(min(idle.count, maximumIdle))
        for (pin, _) in idle { state.entries[pin] = nil }
        return idle.map(\.value.client)
    }

    private static func retire(_ client: HTTPClient) {
        Task { try? await client.shutdown() }
    }
}
