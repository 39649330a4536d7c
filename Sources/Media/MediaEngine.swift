import AudioRing
import CLinux
import Foundation
import Glibc
import Logging
import MediaWire

/// The host's side of the media worker: opens streams and probes files, watches the process, and replaces it when it
/// dies, hangs or is fooled. Streams then go on where they were.
public actor MediaEngine {
    private let configuration: MediaConfiguration
    private let clock: any Clock<Duration>
    private let logger: Logger

    private struct Entry {
        weak var stream: MediaStream?
        let file: MediaFile
        var waiting: CheckedContinuation<Result<Void, MediaError>, Never>?
        /// Workers that died or hung while at this stream.
        var strikes = 0
    }

    private var worker: Worker?
    /// A second process, warm, that takes over at once.
    private var spare: Worker?
    private var entries: [UInt32: Entry] = [:]
    private var probes: [UInt32: (waiting: CheckedContinuation<Result<MediaInfo, MediaError>, Never>, strikes: Int)] =
        [:]
    private var nextID: UInt32 = 1
    private var unanswered = 0
    private var watcher: Task<Void, Never>?
    private var stopped = false
    private(set) var restarts = 0

    public init(_ configuration: MediaConfiguration, logger: Logger, clock: any Clock<Duration> = ContinuousClock()) {
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
    }

    /// Starts the worker and its spare, so that the first track need not wait for them.
    public func start() throws(MediaError) {
        _ = try ensureWorker()
    }

    public func shutdown() {
        stopped = true
        watcher?.cancel()
        worker?.end()
        spare?.end()
    }

    /// Process id of the worker of the moment; for tests and the operator.
    public var workerPID: Int32? { worker?.pid }

    // MARK: Streams

    /// Opens `file` and returns once its first packets are in the ring.
    public func open(_ file: MediaFile, options: StreamOptions) async throws(MediaError) -> MediaStream {
        let worker = try ensureWorker()
        let id = takeID()
        let stream = MediaStream(id: id, engine: self, ring: try makeRing(), options: options)
        entries[id] = Entry(stream: stream, file: file)
        let outcome = await withCheckedContinuation { continuation in
            entries[id]?.waiting = continuation
            send(stream, file, options, to: worker)
        }
        switch outcome {
        case .success: return stream
        case .failure(let error): throw error
        }
    }

    private func send(_ stream: MediaStream, _ file: MediaFile, _ options: StreamOptions, to worker: Worker) {
        let view = file.reopened() ?? file
        worker.socket.send(
            WorkerRequest.open(id: stream.id, options: options),
            descriptors: [view.descriptor, stream.ring.fileDescriptor])
    }

    func change(_ id: UInt32, volume: Double, filter: String) {
        worker?.socket.send(WorkerRequest.change(id: id, volume: volume, filter: filter))
    }

    func close(_ id: UInt32) {
        entries[id] = nil
        worker?.socket.send(WorkerRequest.close(id: id))
    }

    nonisolated func forget(_ id: UInt32) { Task { await close(id) } }

    /// What `file` is; its tags and artwork come from the worker, cut to size, and are still foreign text.
    public func probe(_ file: MediaFile) async throws(MediaError) -> ProbedMedia {
        let worker = try ensureWorker()
        let id = takeID()
        let memory = tb_sealed_memfd("timmybot-artwork", MediaWire.artworkCapacity)
        guard memory >= 0 else { throw MediaError(.internalError, "no memory for artwork") }
        let artwork = MediaFile(descriptor: memory)
        let view = file.reopened() ?? file
        let outcome = await withCheckedContinuation { continuation in
            probes[id] = (continuation, 0)
            worker.socket.send(WorkerRequest.probe(id: id), descriptors: [view.descriptor, artwork.descriptor])
        }
        switch outcome {
        case .failure(let error): throw error
        case .success(let info):
            var bytes = [UInt8](repeating: 0, count: min(max(0, info.artworkSize), MediaWire.artworkCapacity))
            let read = pread(artwork.descriptor, &bytes, bytes.count, 0)
            return ProbedMedia(info: info, artwork: read == bytes.count ? bytes : [])
        }
    }

    private func takeID() -> UInt32 {
        defer { nextID = nextID == .max ? 1 : nextID + 1 }
        return nextID
    }

    private func makeRing() throws(MediaError) -> AudioRing {
        do { return try AudioRing() } catch { throw MediaError(.internalError, "\(error)") }
    }

    // MARK: The process

    private func ensureWorker() throws(MediaError) -> Worker {
        guard !stopped else { throw MediaError(.internalError, "the media engine has stopped") }
        if let worker { return worker }
        let next: Worker
        if let spare { next = spare } else { next = try Worker(path: configuration.workerPath) }
        worker = next
        spare = try? Worker(path: configuration.workerPath)
        unanswered = 0
        Task { await self.listen(to: next) }
        if watcher == nil { watcher = Task { await self.watch() } }
        return next
    }

    private func listen(to worker: Worker) async {
        for await reply in worker.replies where worker === self.worker { take(reply) }
        if worker === self.worker { died(culprit: nil) }
    }

    private func take(_ reply: WorkerReply) {
        switch reply {
        case .ready: break
        case .opened(let id, let info, let passthrough):
            entries[id]?.stream?.opened(info, passthrough: passthrough)
            settle(id, .success(()))
        case .ended(let id): entries[id]?.stream?.sink.yield(.produced)
        case .failed(let id, let failure, let detail):
            fail(id, MediaError(failure, String(detail.prefix(300))))
        case .probed(let id, let info): probes.removeValue(forKey: id)?.waiting.resume(returning: .success(info))
        case .pong(_, let busy, let busyFor):
            unanswered = 0
            if busyFor > configuration.patience { died(culprit: busy) }
        }
    }

    private func settle(_ id: UInt32, _ outcome: Result<Void, MediaError>) {
        let waiting = entries[id]?.waiting
        entries[id]?.waiting = nil
        waiting?.resume(returning: outcome)
    }

    private func fail(_ id: UInt32, _ error: MediaError) {
        if let probe = probes.removeValue(forKey: id) { return probe.waiting.resume(returning: .failure(error)) }
        entries[id]?.stream?.sink.yield(.failed(error))
        settle(id, .failure(error))
        entries[id] = nil
    }

    private func watch() async {
        var number: UInt32 = 0
        while !stopped {
            do { try await clock.sleep(for: configuration.heartbeat) } catch { return }
            guard let worker else { continue }
            if unanswered >= configuration.missedHeartbeats {
                died(culprit: nil)
                continue
            }
            number &+= 1
            unanswered += 1
            worker.socket.send(WorkerRequest.ping(number: number))
        }
    }

    /// The worker is gone or to be given up: every stream reopens at its position in the next one. A stream that two
    /// workers stuck at is not tried a third time, and a file that was being opened or probed is not tried again.
    private func died(culprit: UInt32?) {
        worker?.end()
        worker = nil
        restarts += 1
        guard !stopped else { return }
        logger.warning("media worker lost, \(entries.count) streams reopen")
        let hostile = MediaError(.damaged, "the media worker did not survive this file")
        for (id, _) in probes where culprit == nil || culprit == id { fail(id, hostile) }
        for (id, probe) in probes {
            probes[id] = nil
            probe.waiting.resume(returning: .failure(MediaError(.internalError, "the media worker was replaced")))
        }
        for id in Array(entries.keys) {
            let opening = entries[id]?.waiting != nil
            if culprit == id || (culprit == nil && opening) {
                entries[id]?.strikes += 2
            } else {
                entries[id]?.strikes += culprit == nil ? 1 : 0
            }
            if (entries[id]?.strikes ?? 0) >= (culprit == nil ? 6 : 2) || (opening && culprit == nil) {
                fail(id, hostile)
            }
        }
        do throws(MediaError) {
            let next = try ensureWorker()
            for (_, entry) in entries { try reopen(entry, in: next) }
        } catch {
            logger.error("media worker: \(error)")
            for id in Array(entries.keys) { fail(id, error) }
        }
    }

    private func reopen(_ entry: Entry, in worker: Worker) throws(MediaError) {
        guard let stream = entry.stream else { return }
        let options = stream.replaceRing(try makeRing())
        send(stream, entry.file, options, to: worker)
    }
}
