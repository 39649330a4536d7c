import COpus
import DiscordModel
import NIOCore
import Synchronization

/// A call as an endless Ogg Opus stream for any number of HTTP clients. It beats every 20 ms: what has come in goes out,
/// and silence where nothing has, so that a player's clock never stops and its delay stays small.
final class OggFanout: Sendable {
    private struct Client {
        var muxer = OggMuxer()
        let sink: StreamSink
    }

    private struct State {
        var clients: [Int: Client] = [:]
        var next = 0
        var queue: [[UInt8]] = []
        /// The sender that is heard: streams of several cannot be mixed without decoding them.
        var sender: (user: Snowflake, last: Double)?
        var beat: RepeatedTask?
    }

    /// Packets that wait at most: 200 ms.
    private static let maximumQueue = 10
    private static let maximumClients = 16
    private let state = Mutex(State())
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    func push(_ opus: [UInt8], from user: Snowflake, now: Double) {
        state.withLock { state in
            guard !state.clients.isEmpty else { return }
            if let current = state.sender, current.user != user, now - current.last < 0.3 { return }
            state.sender = (user, now)
            state.queue.append(opus)
            if state.queue.count > Self.maximumQueue { state.queue.removeFirst(state.queue.count - 5) }
        }
    }

    func add(_ sink: StreamSink) -> Bool {
        let id = state.withLock { state -> Int? in
            guard state.clients.count < Self.maximumClients else { return nil }
            state.next += 1
            var client = Client(sink: sink)
            var first = client.muxer.headers()
            for _ in 0..<5 { first += client.muxer.packet(ListenerState.silence, samples: 960) }
            sink.write(first)
            state.clients[state.next] = client
            if state.beat == nil {
                state.beat = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { [weak self] _ in
                    self?.beat()
                }
            }
            return state.next
        }
        guard let id else { return false }
        sink.onClose { [weak self] in self?.remove(id) }
        return true
    }

    private func remove(_ id: Int) {
        state.withLock { state in
            state.clients[id] = nil
            guard state.clients.isEmpty else { return }
            state.beat?.cancel()
            state.beat = nil
            state.queue = []
        }
    }

    private func beat() {
        state.withLock { state in
            let packet = state.queue.isEmpty ? ListenerState.silence : state.queue.removeFirst()
            let count = opus_packet_get_nb_samples(packet, opus_int32(packet.count), 48000)
            for id in state.clients.keys {
                guard var client = state.clients[id] else { continue }
                client.sink.write(client.muxer.packet(packet, samples: count > 0 ? Int(count) : 960))
                state.clients[id] = client
            }
        }
    }
}
