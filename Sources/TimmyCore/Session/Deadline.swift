import Synchronization

/// Runs `operation` for at most `limit`. The caller goes on as soon as the time is up or it is cancelled, even when the
/// operation ignores its cancellation; what it then still brings goes to `late`.
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ time: any TimeSource,
    operation: @escaping @Sendable () async throws(PlayerError) -> Value,
    late: @escaping @Sendable (Value) async -> Void = { _ in }
) async -> Result<Value, PlayerError> {
    let race = Race<Value>()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            race.begin(continuation)
            let work = Task {
                let result: Result<Value, PlayerError>
                do throws(PlayerError) { result = .success(try await operation()) } catch { result = .failure(error) }
                if !race.finish(result), case .success(let value) = result { await late(value) }
            }
            let alarm = Task {
                do { try await time.sleep(for: limit) } catch { return }
                race.finish(.failure(.tookTooLong(limit)))
            }
            race.own([work, alarm])
        }
    } onCancel: {
        race.finish(.failure(.givenUp))
    }
}

/// The first result wins; the tasks behind the others are cancelled.
private final class Race<Value: Sendable>: Sendable {
    private enum State {
        case idle
        case running(CheckedContinuation<Result<Value, PlayerError>, Never>)
        /// Cancelled before it began.
        case early(Result<Value, PlayerError>)
        case done
    }

    private let state = Mutex<(State, [Task<Void, Never>])>((.idle, []))

    func begin(_ continuation: CheckedContinuation<Result<Value, PlayerError>, Never>) {
        let early: Result<Value, PlayerError>? = state.withLock { state in
            guard case .early(let result) = state.0 else {
                state.0 = .running(continuation)
                return nil
            }
            state.0 = .done
            return result
        }
        if let early { continuation.resume(returning: early) }
    }

    func own(_ tasks: [Task<Void, Never>]) {
        let isOver = state.withLock { state in
            if case .done = state.0 { return true }
            state.1 = tasks
            return false
        }
        if isOver { for task in tasks { task.cancel() } }
    }

    /// - Returns: whether this was the first result.
    @discardableResult
    func finish(_ result: Result<Value, PlayerError>) -> Bool {
        let (continuation, tasks, won):
            (CheckedContinuation<Result<Value, PlayerError>, Never>?, [Task<Void, Never>], Bool) =
                state.withLock { state in
                    switch state.0 {
                    case .running(let continuation):
                        defer { state = (.done, []) }
                        return (continuation, state.1, true)
                    case .idle:
                        state.0 = .early(result)
                        return (nil, [], true)
                    case .early, .done: return (nil, [], false)
                    }
                }
        continuation?.resume(returning: result)
        for task in tasks { task.cancel() }
        return won
    }
}

extension PlayerError {
    static func tookTooLong(_ limit: Duration) -> PlayerError {
        PlayerError(
            .timedOut, "no answer within \(limit.milliseconds) ms", user: "That took too long.",
            retry: .after(.seconds(1)))
    }

    static let givenUp = PlayerError(.cancelled, "the request was given up", retry: .after(.zero))

    static func noSource(_ id: String) -> PlayerError {
        PlayerError(
            .sourceUnavailable, "no source named \(id)",
            user: "The music source of this track is not available right now.",
            retry: .never)
    }
}
