import CTimmyBot
import PluginHost
import Synchronization

/// Counts what the requests of each plugin do.
final class HTTPCounters: Sendable {
    private let state = Mutex<[String: HTTPMetrics]>([:])

    var all: [String: HTTPMetrics] { state.withLock { $0 } }

    func began(_ id: String, sent: Int) {
        state.withLock {
            $0[id, default: HTTPMetrics()].requests += 1
            $0[id, default: HTTPMetrics()].bytesOut += UInt64(sent)
        }
    }

    func answered(_ id: String, after time: Duration) {
        let milliseconds = max(0, Int(time / .milliseconds(1)))
        let bucket = HTTPMetrics.latencyBounds.firstIndex { milliseconds <= $0 } ?? HTTPMetrics.latencyBounds.count
        state.withLock {
            $0[id, default: HTTPMetrics()].latencyMilliseconds += UInt64(milliseconds)
            $0[id, default: HTTPMetrics()].latencyCounts[bucket] += 1
        }
    }

    func failed(_ id: String, _ failure: PluginFailure) {
        state.withLock {
            $0[id, default: HTTPMetrics()].failures += 1
            if failure.code == TB_E_UNAVAILABLE || failure.code == TB_E_INVALID {
                $0[id, default: HTTPMetrics()].refused += 1
            }
        }
    }

    func received(_ id: String, _ count: Int) {
        state.withLock { $0[id, default: HTTPMetrics()].bytesIn += UInt64(count) }
    }
}
