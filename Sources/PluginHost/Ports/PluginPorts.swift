import Foundation

/// What the host's extensions keep for one plugin instance: its open streams, timers and handles, and what it is owed.
final class PluginPorts: Sendable {
    /// How long a stop waits for completions that are on their way; less than its own deadline.
    static let drainTime: TimeInterval = 2

    let caller: HTTPCaller
    /// The plugin's own, JSON.
    let configuration: String
    let courier: Courier
    let background = Background()
    let http: HTTPPort
    let timers: TimerPort
    let accounts: AccountPort
    let pipes: PipePort

    init(
        _ manifest: PluginManifest, configuration: String, services: PluginServices,
        submit: @escaping TimerPort.Submit
    ) {
        courier = Courier(name: manifest.id)
        // A manifest with a host that is none was refused when it was read.
        let hosts = (try? AllowedHosts(manifest.hosts ?? [])) ?? .none
        caller = HTTPCaller(id: manifest.id, hosts: hosts)
        self.configuration = configuration
        accounts = AccountPort(services.accounts, time: services.time)
        pipes = PipePort(plugin: manifest.id)
        timers = TimerPort(services.time, submit: submit)
        http = HTTPPort(services.http, caller: caller, courier: courier, background: background, time: services.time)
    }

    /// Before the plugin's `stop`, from any thread: cuts off requests, streams, pipes and timers, so that a blocked lane gets
    /// free. Every completion that is owed still comes, with `TB_E_CANCELLED`; nothing new is taken.
    func stop() {
        courier.close()
        background.stop()
        http.stop()
        timers.stop()
        pipes.stop()
    }

    /// Between `stop` and `destroy`; may block. False where the plugin does not return from a completion, a hint or
    /// `match`: then it must not be destroyed.
    @discardableResult
    func drain() -> Bool { courier.waitUntilNothingIsOwed(Self.drainTime) }
}
