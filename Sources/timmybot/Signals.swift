import Dispatch
import Foundation
import Synchronization

/// SIGINT and SIGTERM once start `body`, which is to end the process's work; a second one, or ten seconds, end the
/// process at once.
enum Signals {
    /// - Returns: to be kept for as long as the signals are to be heard.
    static func onStop(_ body: @escaping @Sendable () async -> Void) -> [any DispatchSourceSignal] {
        // What a limit on file sizes or a closed pipe forbids is an error of that write and not the process's end.
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let first = First()
        return [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                guard first.take() else { _exit(130) }
                DispatchQueue.global().asyncAfter(deadline: .now() + 10) { _exit(Exit.temporary.rawValue) }
                Task { await body() }
            }
            source.resume()
            return source
        }
    }

    private final class First: Sendable {
        private let seen = Mutex(false)

        func take() -> Bool {
            seen.withLock { seen in
                defer { seen = true }
                return !seen
            }
        }
    }
}
