import CTimmyBot
import Synchronization

/// One completion that a plugin is owed, called on its courier's thread by whoever comes first.
final class Promise<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, PluginFailure>
    typealias Done = @Sendable (Outcome) -> Void

    private let courier: Courier
    private let done: Mutex<Done?>

    /// Of what `courier` has owed already.
    init(_ courier: Courier, _ done: @escaping Done) {
        self.courier = courier
        self.done = Mutex(done)
    }

    /// Harmless where it was kept already.
    func keep(_ outcome: Outcome) {
        let done = done.withLock { done in
            defer { done = nil }
            return done
        }
        if let done { courier.deliver { done(outcome) } }
    }
}

extension Background {
    /// Keeps a promise with what `body` comes to; with `TB_E_CANCELLED` as soon as the plugin is stopped, whether `body`
    /// heeds its cancellation or not: nothing that a service waits for holds up `destroy`.
    func keep<Value>(_ promise: Promise<Value>, _ body: @escaping @Sendable () async -> Promise<Value>.Outcome) {
        run {
            await withTaskCancellationHandler {
                promise.keep(await body())
            } onCancel: {
                promise.keep(.failure(PluginFailure(code: TB_E_CANCELLED, detail: "the plugin is being stopped")))
            }
        }
    }
}

extension PluginPorts {
    /// Answers a plugin's question in the background. On `TB_OK`, `done` is called once.
    func answer<Value>(
        _ done: @escaping Promise<Value>.Done,
        _ body: @escaping @Sendable () async throws(PluginFailure) -> Value
    ) -> tb_status {
        guard courier.owe() else { return TB_E_RATE_LIMIT }
        background.keep(Promise(courier, done)) {
            do throws(PluginFailure) { return .success(try await body()) } catch { return .failure(error) }
        }
        return TB_OK
    }
}
