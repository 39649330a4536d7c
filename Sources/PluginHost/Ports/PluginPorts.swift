import Foundation

/// What the host's extensions keep for one plugin instance: its open streams, timers and handles, and what it is owed.
final class PluginPorts: Sendable {
    /// How long `destroy` waits for completions that are on their way.
    static let drainTime: TimeInterval = 5

    let courier: Courier
    let http: HTTPPort

    init(_ manifest: PluginManifest, services: PluginServices) {
        courier = Courier(name: manifest.id)
        // A manifest with a host that is none was refused when it was read.
        let hosts = (try? AllowedHosts(manifest.hosts ?? [])) ?? .none
        let caller = HTTPCaller(id: manifest.id, hosts: hosts)
        http = HTTPPort(services.http, caller: caller, courier: courier)
    }

    /// Before the plugin's `stop`, from any thread: cuts off requests and streams, so that a blocked lane gets free.
    /// Every completion that is owed still comes, with `TB_E_CANCELLED`; nothing new is taken.
    func stop() {
        courier.close()
        http.stop()
    }

    /// Between `stop` and `destroy`; may block. False where the plugin does not return from a completion.
    @discardableResult
    func drain() -> Bool { courier.waitUntilNothingIsOwed(Self.drainTime) }
}
