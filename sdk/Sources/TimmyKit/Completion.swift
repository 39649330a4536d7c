import CTimmyBot
import Synchronization

/// One host function that answers through a completion, as one `await`. Cancelling the Swift task ends the wait at once;
/// what the host answers later is dropped.
final class Completion<Value: Sendable>: Sendable {
    private typealias Waiting = CheckedContinuation<Result<Value, Failure>, Never>

    private enum State {
        case ready
        case waiting(Waiting)
        case over
    }

    private let state = Mutex(State.ready)
    /// Frees what came too late to be given to anybody.
    private let discard: @Sendable (Value) -> Void

    private init(discard: @escaping @Sendable (Value) -> Void) { self.discard = discard }

    /// - Parameters:
    ///   - what: for the error where the host does not accept the request.
    ///   - start: calls the host with this context, which comes back exactly once in `finish`.
    static func wait(
        _ what: String, discard: @escaping @Sendable (Value) -> Void = { _ in },
        _ start: (UnsafeMutableRawPointer) -> tb_status
    ) async throws(Failure) -> Value {
        let completion = Completion(discard: discard)
        let outcome: Result<Value, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { waiting in
                guard completion.begin(waiting) else { return }
                let context = Unmanaged.passRetained(completion)
                let status = start(context.toOpaque())
                guard status != TB_OK else { return }
                context.release()
                completion.end(.failure(Failure(status: status, what)))
            }
        } onCancel: {
            completion.end(.failure(Failure(code: .cancelled, detail: "\(what): cancelled")))
        }
        return try outcome.get()
    }

    /// Called by the host's completion, with what it was given as Swift values.
    static func finish(_ context: UnsafeMutableRawPointer?, _ outcome: Result<Value, Failure>) {
        guard let context else { return }
        Unmanaged<Completion>.fromOpaque(context).takeRetainedValue().end(outcome)
    }

    /// False where the task was cancelled before it could wait.
    private func begin(_ waiting: Waiting) -> Bool {
        let isOver = state.withLock { state in
            guard case .ready = state else { return true }
            state = .waiting(waiting)
            return false
        }
        if isOver { waiting.resume(returning: .failure(Failure(code: .cancelled, detail: "cancelled"))) }
        return !isOver
    }

    private func end(_ outcome: Result<Value, Failure>) {
        let before = state.withLock { state in
            defer { state = .over }
            return state
        }
        switch before {
        case .waiting(let waiting): waiting.resume(returning: outcome)
        case .ready: break
        case .over: if case .success(let value) = outcome { discard(value) }
        }
    }
}
