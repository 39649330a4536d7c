import CTimmyBot

/// One host function that answers through a completion, as one `await`.
enum Completion<Value: Sendable> {
    private typealias Waiting = Box<CheckedContinuation<Result<Value, Failure>, Never>>

    /// - Parameters:
    ///   - what: for the error where the host does not accept the request.
    ///   - start: calls the host with this context, which comes back exactly once in `finish`.
    static func wait(
        _ what: String, _ start: (UnsafeMutableRawPointer) -> tb_status
    ) async throws(Failure) -> Value {
        let outcome: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let context = Unmanaged.passRetained(Waiting(continuation)).toOpaque()
            let status = start(context)
            guard status != TB_OK else { return }
            Unmanaged<Waiting>.fromOpaque(context).release()
            continuation.resume(returning: .failure(Failure(status: status, what)))
        }
        return try outcome.get()
    }

    /// Called by the host's completion, with what it was given as Swift values.
    static func finish(_ context: UnsafeMutableRawPointer?, _ outcome: Result<Value, Failure>) {
        guard let context else { return }
        Unmanaged<Waiting>.fromOpaque(context).takeRetainedValue().value.resume(returning: outcome)
    }
}

/// A value on its way through a C context pointer.
final class Box<Value> {
    let value: Value
    init(_ value: Value) { self.value = value }
}
