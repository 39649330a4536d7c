import AsyncHTTPClient
import CTimmyBot
import NIOCore
import PluginHost
import Synchronization

/// Carries one answer's body into its pipe: stops at the limit, at the end of time, when the server falls silent, and when
/// nobody reads any more. Reads no further than the pipe has room.
struct BodyPump: Sendable {
    let pipe: BytePipe
    let origin: String
    let limit: UInt64
    let idle: Duration
    let clock: any Clock<Duration>
    let count: @Sendable (Int) -> Void

    /// What the watchman looks at: whether the server is being waited for, and since which piece.
    private final class Watched: Sendable {
        private let state = Mutex((pieces: 0, isWaiting: false))

        func waiting() { state.withLock { $0 = ($0.pieces &+ 1, true) } }
        func working() { state.withLock { $0.isWaiting = false } }
        /// The piece that is waited for, nil where none is.
        var piece: Int? { state.withLock { $0.isWaiting ? $0.pieces : nil } }
    }

    func start(_ opened: HTTPService.Opened, _ total: Expiry) {
        let watched = Watched()
        let pump = Task { await run(opened, watched) }
        let watchman = Task {
            if await sawSilence(watched) {
                pipe.finish(.failed(PluginFailure(code: TB_E_TIMEOUT, detail: "\(origin) fell silent")))
                pump.cancel()
            }
        }
        pipe.whenClosed { pump.cancel() }
        total.onExpiry { [pipe, origin] in
            pipe.finish(.failed(PluginFailure(code: TB_E_TIMEOUT, detail: "\(origin) did not finish in time")))
            pump.cancel()
        }
        Task {
            await pump.value
            watchman.cancel()
            total.stop()
        }
    }

    private func run(_ opened: HTTPService.Opened, _ watched: Watched) async {
        var received: UInt64 = 0
        var body = opened.response.body.makeAsyncIterator()
        do {
            while true {
                watched.waiting()
                let piece = try await body.next()
                watched.working()
                guard let piece else { return pipe.finish() }
                received += UInt64(piece.readableBytes)
                count(piece.readableBytes)
                guard received <= limit else {
                    throw PluginFailure(code: TB_E_IO, detail: "\(origin) answers with more than \(limit) bytes")
                }
                guard await pipe.write(Array(piece.readableBytesView)), !Task.isCancelled else { break }
            }
            pipe.finish(.failed(PluginFailure(code: TB_E_CANCELLED, detail: "the stream was closed")))
        } catch {
            pipe.finish(.failed(HTTPService.failure(error, at: origin)))
        }
    }

    /// Looks twice per `idle`: true once the same piece was waited for at two looks half of it apart, and a third.
    private func sawSilence(_ watched: Watched) async -> Bool {
        var last: Int?
        var looks = 0
        while true {
            do { try await clock.sleep(for: idle / 2) } catch { return false }
            let piece = watched.piece
            looks = piece != nil && piece == last ? looks + 1 : 0
            last = piece
            if looks >= 2 { return true }
        }
    }
}
