import AudioRing
import CLinux
import Foundation
import Glibc
import Logging
import MediaWire

/// The host's side of the media worker: opens streams and probes files, watches the processes, and replaces what dies,
/// hangs or is fooled. Streams then go on where they were.
public actor MediaEngine {
    let configuration: MediaConfiguration
    let clock: any Clock<Duration>
    let logger: Logger

    /// What a process is for.
    enum Role: CaseIterable {
        /// Serves all streams.
        case player
        /// Warm, and takes the player's place at once.
        case spare
        /// Describes files, so that a bad one in a music folder disturbs no stream.
        case prober
        /// Serves streams that a worker was lost at, apart from the others.
        case quarantine
    }

    /// A process in its role.
    struct Seat {
        let worker: Worker
        var isReady = false
        /// Questions without an answer.
        var unanswered = 0
    }

    /// A stream; `waiting` is who opens it.
    struct Entry {
        weak var stream: MediaStream?
        let input: StreamInput
        var waiting: CheckedContinuation<Result<Void, MediaError>, Never>?
        /// How long its feed has been silent.
        var silence = Silence()
        /// Where it is served; nil while it waits for a process.
        var worker: Worker?
        /// Whether a worker has ever had it.
        var wasSent = false
        var strikes = Strikes()
    }

    struct Probe {
        let file, artwork: MediaFile
        let waiting: CheckedContinuation<Result<MediaInfo, MediaError>, Never>
        var worker: Worker?
        var strikes = Strikes()
    }

    var seats: [Role: Seat] = [:]
    var entries: [UInt32: Entry] = [:]
    var probes: [UInt32: Probe] = [:]
    private var nextID: UInt32 = 1
    var departed = Departed()
    var watcher: Task<Void, Never>?
    var stopped = false
    /// Players that were replaced.
    var restarts = 0
    /// What the player last said about its busy threads.
    var lastReports: [LaneReport] = []

    var backoff = Backoff()
    /// Why the last start failed; nil once one has succeeded.
    var startError: MediaError?
    var retry: Task<Void, Never>?
    /// Who waits in `start`.
    var starting: [CheckedContinuation<Result<Void, MediaError>, Never>] = []

    public init(_ configuration: MediaConfiguration, logger: Logger, clock: any Clock<Duration> = ContinuousClock()) {
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
    }

    /// Starts the worker and its spare and returns once the worker is ready, so that the first track need not wait for it.
    /// Throws where it cannot be started, with the reason; the engine tries again meanwhile, at growing distances.
    public func start() async throws(MediaError) {
        try begin()
        if seats[.player]?.isReady == true { return }
        if let startError { throw startError }
        let outcome = await withCheckedContinuation { starting.append($0) }
        try outcome.get()
    }

    /// Ends the processes and everything that they served.
    public func shutdown() {
        stopped = true
        watcher?.cancel()
        retry?.cancel()
        for seat in seats.values { seat.worker.end() }
        seats = [:]
        let error = MediaError(.internalError, "the media engine has stopped")
        settleStart(.failure(error))
        failEverything(error)
    }

    /// Process id of the worker of the moment; for tests and the operator.
    public var workerPID: Int32? { seats[.player]?.worker.pid }

    private func begin() throws(MediaError) {
        guard !stopped else { throw MediaError(.internalError, "the media engine has stopped") }
        if watcher == nil { watcher = Task { await self.watch() } }
        fill()
        if let startError, backoff.failures >= configuration.startAttempts { throw startError }
    }

    // MARK: Streams

    /// Opens `file` and returns once its first packets are in the ring.
    public func open(_ file: MediaFile, options: StreamOptions) async throws(MediaError) -> MediaStream {
        try await open(.file(file), options: options)
    }

    /// Opens `input` and returns once its first packets are in the ring.
    public func open(_ input: MediaInput, options: StreamOptions) async throws(MediaError) -> MediaStream {
        let input = StreamInput(input)
        let stream: MediaStream
        let id: UInt32
        do throws(MediaError) {
            try begin()
            var options = options
            options.start = min(options.start, AudioRing.maximumPosition)
            id = takeID()
            stream = MediaStream(id: id, engine: self, ring: try makeRing(), options: options)
        } catch {
            input.finish()
            throw error
        }
        entries[id] = Entry(stream: stream, input: input)
        let outcome = await withCheckedContinuation { continuation in
            entries[id]?.waiting = continuation
            place(stream: id)
        }
        try outcome.get()
        return stream
    }

    /// Hands a stream to a worker, if there is one that may have it.
    func place(stream id: UInt32) {
        guard let entry = entries[id], entry.worker == nil, let stream = entry.stream else { return }
        guard let worker = seats[entry.strikes.isClean ? .player : .quarantine]?.worker else { return fill() }
        var options = stream.options
        if entry.wasSent {
            // What the last worker left in its ring is not mixed with what the next one makes.
            guard let ring = try? makeRing() else {
                return fail(id, MediaError(.internalError, "no memory for a ring"))
            }
            options = stream.replaceRing(ring)
        }
        guard let input = entry.input.attach(takingOverAt: entry.wasSent ? options.start : nil) else {
            return fail(id, MediaError(.internalError, "no descriptors for a feed"))
        }
        entries[id]?.worker = worker
        entries[id]?.wasSent = true
        entries[id]?.silence = Silence()
        let ring = stream.ring
        worker.send(
            .open(id: id, options: options, input: input.options), input.file, and: ring.fileDescriptor, of: ring)
    }

    func change(_ id: UInt32, volume: Double, filter: String) {
        entries[id]?.worker?.send(.change(id: id, volume: volume, filter: filter))
    }

    func close(_ id: UInt32) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        departed.add(id)
        entry.input.finish()
        entry.worker?.send(.close(id: id))
        entry.waiting?.resume(returning: .failure(MediaError(.internalError, "closed while it was being opened")))
        releaseQuarantine()
    }

    nonisolated func forget(_ id: UInt32) { Task { await close(id) } }

    // MARK: Probes

    /// What `file` is; its tags and artwork come from the worker, cut to size, and are still foreign text.
    public func probe(_ file: MediaFile) async throws(MediaError) -> ProbedMedia {
        try begin()
        let id = takeID()
        let memory = tb_sealed_memfd("timmybot-artwork", MediaWire.artworkCapacity)
        guard memory >= 0 else { throw MediaError(.internalError, "no memory for artwork") }
        let artwork = MediaFile(descriptor: memory)
        let outcome = await withCheckedContinuation { continuation in
            probes[id] = Probe(file: file, artwork: artwork, waiting: continuation)
            place(probe: id)
        }
        let info = try outcome.get()
        var bytes = [UInt8](repeating: 0, count: min(max(0, info.artworkSize), MediaWire.artworkCapacity))
        let read = pread(artwork.descriptor, &bytes, bytes.count, 0)
        return ProbedMedia(info: info, artwork: read == bytes.count ? bytes : [])
    }

    func place(probe id: UInt32) {
        guard let probe = probes[id], probe.worker == nil else { return }
        guard let worker = seats[.prober]?.worker else { return fill() }
        probes[id]?.worker = worker
        worker.send(.probe(id: id), probe.file, and: probe.artwork.descriptor, of: probe.artwork)
    }

    // MARK: Outcomes

    /// Settles who opens the stream, or who probes.
    func fail(_ id: UInt32, _ error: MediaError) {
        if let probe = probes.removeValue(forKey: id) { return probe.waiting.resume(returning: .failure(error)) }
        guard let entry = entries.removeValue(forKey: id) else { return }
        departed.add(id)
        // What the feed says about itself is more than what the worker saw of it.
        let error = entry.input.server?.failure ?? error
        entry.input.finish()
        // Whoever listens to the ring does not wait for what does not come.
        entry.stream?.ring.finish(.failed)
        entry.stream?.sink.yield(.failed(error))
        entry.waiting?.resume(returning: .failure(error))
        releaseQuarantine()
    }

    func failEverything(_ error: MediaError) {
        for id in Array(probes.keys) + Array(entries.keys) { fail(id, error) }
    }

    func opened(_ id: UInt32, _ info: MediaInfo, passthrough: Bool) {
        entries[id]?.stream?.opened(info.bounded, passthrough: passthrough)
        let waiting = entries[id]?.waiting
        entries[id]?.waiting = nil
        waiting?.resume(returning: .success(()))
    }

    func settleStart(_ outcome: Result<Void, MediaError>) {
        let list = starting
        starting = []
        for continuation in list { continuation.resume(returning: outcome) }
    }

    /// A number that is neither 0, which means nothing on the wire, nor in use.
    private func takeID() -> UInt32 {
        repeat { nextID = nextID == .max ? 1 : nextID + 1 } while entries[nextID] != nil || probes[nextID] != nil
        return nextID
    }

    private func makeRing() throws(MediaError) -> AudioRing {
        do { return try AudioRing() } catch { throw MediaError(.internalError, "\(error)") }
    }
}

extension MediaInfo {
    /// With numbers that are safe to reckon with; a length that is longer than any position is none.
    var bounded: MediaInfo {
        var info = self
        if info.duration > AudioRing.maximumPosition / 48 { info.duration = 0 }
        return info
    }
}
