import AudioRing
import CLinux
import Foundation
import Glibc
import MediaWire

/// The worker's streams. One thread reads the control socket, one ticks, and a few work: any of them at any stream, but
/// one at a time at each. A thread that is held up (by a slow disk or a heavy file) is stood in for, so that it holds up
/// nobody else.
///
/// `@unchecked Sendable`: everything mutable is guarded by `lock`; a stream is touched only by the thread that has marked
/// it as running.
final class Server: @unchecked Sendable {
    /// How often rings are topped up, in milliseconds. A ring holds 240 ms at least.
    private static let period: UInt64 = 40
    /// Threads that work while none is held up, and at most.
    private static let threads = 2
    private static let maximumThreads = Int(TB_BOARD_LANES)
    /// Milliseconds at one stream after which a thread counts as held up.
    static let patience: UInt64 = 60
    /// CPU time in nanoseconds that opening a file may take, and topping up a ring.
    private static let openBudget: UInt64 = 1_000_000_000
    private static let fillBudget: UInt64 = 500_000_000

    /// Bytes of a container on a feed that are there before it is opened, and feeds that may be opened at once: the rest
    /// of the threads is for those that play.
    private static let firstBytes = 4 << 10
    private static let maximumOpening = 8

    /// A stream, or a probe, and what is to be done with it in order.
    private final class Item {
        var jobs: [() -> Void] = []
        var stream: Stream?
        /// To be opened once something of its input has come.
        var opening: Opening?
        var isQueued = false
        var isRunning = false
    }

    /// A feed and what it is to become.
    private final class Opening {
        let input: ByteInput
        let ring: AudioRing
        let options: StreamOptions
        let inputOptions: MediaInputOptions

        init(_ input: ByteInput, _ ring: AudioRing, _ options: StreamOptions, _ inputOptions: MediaInputOptions) {
            (self.input, self.ring, self.options, self.inputOptions) = (input, ring, options, inputOptions)
        }

        /// Opening a container takes a thread until enough of it is there: not before it has begun to come.
        var canBegin: Bool { inputOptions.format != .container || input.has(Server.firstBytes) }
    }

    private let socket: WireSocket
    private let board: OpaquePointer
    private let lock = NSCondition()
    private var items: [UInt32: Item] = [:]
    private var queue: [UInt32] = []
    private var taken = 0
    private var lanes: [Lane] = []
    /// Threads that are to be, counting those that start just now.
    private var threadCount = 0
    /// Feeds that are being opened.
    private var openingCount = 0
    private var freePlaces = Array((0..<Server.maximumThreads).reversed())

    init(socket: WireSocket, board: OpaquePointer) {
        self.socket = socket
        self.board = board
    }

    /// Serves until the host closes the socket.
    func run() {
        lock.withLock { for _ in 0..<Self.threads { addThread() } }
        start { [self] in tick() }
        socket.send(WorkerReply.ready)
        while let (request, descriptors) = socket.receive(WorkerRequest.self) { take(request, descriptors) }
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func take(_ request: WorkerRequest, _ descriptors: [Int32]) {
        switch request {
        case .open(let id, let options, let input):
            guard descriptors.count == 2 else { return refuse(id, descriptors) }
            enqueue(id) { [self] in prepare(id, options, input, descriptors) }
        case .change(let id, let volume, let filter):
            enqueue(id) { [self] in
                attempt(id) { stream throws(WorkerError) in try stream.change(volume: volume, filter: filter) }
            }
        case .close(let id): enqueue(id) { [self] in close(id) }
        case .probe(let id):
            guard descriptors.count == 2 else { return refuse(id, descriptors) }
            enqueue(id) { [self] in probe(id, descriptors) }
        case .ping(let number): pong(number)
        }
    }

    private func refuse(_ id: UInt32, _ descriptors: [Int32]) {
        for descriptor in descriptors { Glibc.close(descriptor) }
        socket.send(WorkerReply.failed(id: id, failure: .internalError, detail: "descriptors are missing"))
    }

    private func pong(_ number: UInt32) {
        let now = clockMilliseconds()
        let reports = lock.withLock { lanes.compactMap { $0.report(now: now) } }
        socket.send(WorkerReply.pong(number: number, lanes: reports))
    }

    // MARK: Sharing out the work; all of it under the lock

    private func enqueue(_ id: UInt32, _ job: @escaping () -> Void) {
        lock.withLock {
            let item = items[id] ?? Item()
            items[id] = item
            item.jobs.append(job)
            queueUp(id, item)
        }
    }

    private func queueUp(_ id: UInt32, _ item: Item) {
        guard !item.isQueued, !item.isRunning else { return }
        item.isQueued = true
        queue.append(id)
        lock.signal()
    }

    private func next() -> UInt32? {
        guard taken < queue.count else { return nil }
        defer {
            taken += 1
            if taken == queue.count {
                queue.removeAll(keepingCapacity: true)
                taken = 0
            }
        }
        return queue[taken]
    }

    /// Those whose input has begun to come, as far as threads may be taken for that.
    private func beginOpening() {
        for (id, item) in items where item.opening != nil && !item.isRunning && openingCount < Self.maximumOpening {
            guard let opening = item.opening, opening.canBegin else { continue }
            item.opening = nil
            openingCount += 1
            item.jobs.append { [self] in
                open(id, opening)
                lock.withLock { openingCount -= 1 }
            }
            queueUp(id, item)
        }
    }

    private func addThread() {
        guard threadCount < Self.maximumThreads, let place = freePlaces.popLast() else { return }
        threadCount += 1
        start { [self] in work(place) }
    }

    // MARK: Threads

    private func tick() {
        while true {
            usleep(UInt32(Self.period) * 1_000)
            let now = clockMilliseconds()
            lock.withLock {
                for (id, item) in items where item.stream?.needsFilling == true { queueUp(id, item) }
                beginOpening()
                var stuck = 0
                for lane in lanes {
                    lane.observe()
                    if lane.isStuck(now: now) { stuck += 1 }
                }
                if threadCount - stuck < Self.threads { addThread() }
            }
        }
    }

    private func work(_ place: Int) {
        tb_thread_name("lane \(place)")
        guard let lane = Lane(index: place, board: board) else { exit(71) }
        lock.lock()
        lanes.append(lane)
        while isNeeded(lane) {
            guard let id = next(), let item = items[id] else {
                lock.wait()
                continue
            }
            serve(id, item, in: lane)
        }
        lanes.removeAll { $0 === lane }
        threadCount -= 1
        freePlaces.append(place)
        // The signal that woke this thread was meant for whoever takes what waits.
        if taken < queue.count { lock.signal() }
        lock.unlock()
    }

    /// Those who stood in go when nobody is held up any more.
    private func isNeeded(_ lane: Lane) -> Bool {
        guard threadCount > Self.threads else { return true }
        let now = clockMilliseconds()
        return threadCount - lanes.filter { $0.isStuck(now: now) }.count <= Self.threads
    }

    /// With the lock held, which is given up for the work itself.
    private func serve(_ id: UInt32, _ item: Item, in lane: Lane) {
        item.isQueued = false
        item.isRunning = true
        let jobs = item.jobs
        item.jobs = []
        lane.begin(id, now: clockMilliseconds())
        lock.unlock()
        tb_cpu_budget(Self.openBudget)
        for job in jobs { job() }
        tb_cpu_budget(Self.fillBudget)
        fill(id)
        tb_cpu_budget(0)
        lock.lock()
        lane.end()
        item.isRunning = false
        if !item.jobs.isEmpty {
            queueUp(id, item)
        } else if item.stream == nil, item.opening == nil {
            items[id] = nil
        }
    }

    // MARK: Work; by the thread that the stream is running on

    private func stream(_ id: UInt32) -> Stream? { lock.withLock { items[id]?.stream } }

    /// The old one is let go of outside the lock.
    private func set(_ stream: Stream?, for id: UInt32) {
        let old = lock.withLock {
            defer { items[id]?.stream = stream }
            return items[id]?.stream
        }
        withExtendedLifetime(old) {}
    }

    private func prepare(
        _ id: UInt32, _ options: StreamOptions, _ inputOptions: MediaInputOptions, _ descriptors: [Int32]
    ) {
        let input = Input.make(descriptors[0], inputOptions)
        guard let ring = try? AudioRing(adopting: descriptors[1]) else {
            socket.send(WorkerReply.failed(id: id, failure: .internalError, detail: "ring cannot be mapped"))
            return
        }
        let opening = Opening(input, ring, options, inputOptions)
        guard inputOptions.isFeed, inputOptions.format == .container else { return open(id, opening) }
        lock.withLock { items[id]?.opening = opening }
    }

    private func open(_ id: UInt32, _ opening: Opening) {
        do throws(WorkerError) {
            let source = try Input.open(opening.input, opening.inputOptions.format)
            let stream = try Stream(
                id: id, source: source, ring: opening.ring, options: opening.options, input: opening.inputOptions)
            set(stream, for: id)
        } catch {
            opening.ring.finish(.failed)
            socket.send(WorkerReply.failed(id: id, failure: error.failure, detail: error.detail))
            return
        }
        // On what is left of the time for opening: the first packets are part of it.
        fill(id)
    }

    private func close(_ id: UInt32) {
        let opening = lock.withLock {
            defer { items[id]?.opening = nil }
            return items[id]?.opening
        }
        withExtendedLifetime(opening) {}
        set(nil, for: id)
    }

    private func fill(_ id: UInt32) {
        attempt(id) { stream throws(WorkerError) in
            let goesOn = try stream.fill()
            if !stream.isAnnounced, stream.hasOutput {
                stream.isAnnounced = true
                socket.send(WorkerReply.opened(id: id, info: stream.info, passthrough: stream.isPassthrough))
            }
            guard !goesOn else { return }
            set(nil, for: id)
            socket.send(WorkerReply.ended(id: id))
        }
    }

    private func attempt(_ id: UInt32, _ body: (Stream) throws(WorkerError) -> Void) {
        guard let stream = stream(id) else { return }
        do throws(WorkerError) {
            try body(stream)
        } catch {
            set(nil, for: id)
            stream.fail()
            socket.send(WorkerReply.failed(id: id, failure: error.failure, detail: error.detail))
        }
    }

    private func probe(_ id: UInt32, _ descriptors: [Int32]) {
        defer { Glibc.close(descriptors[1]) }
        do throws(WorkerError) {
            let demuxer = try Demuxer(DescriptorInput(descriptor: descriptors[0]))
            var info = demuxer.info
            if let artwork = demuxer.artwork,
                let memory = mmap(
                    nil, MediaWire.artworkCapacity, PROT_WRITE | PROT_READ, MAP_SHARED, descriptors[1], 0),
                memory != MAP_FAILED
            {
                memory.copyMemory(
                    from: artwork.bytes.baseAddress ?? UnsafeRawPointer(memory), byteCount: artwork.bytes.count)
                munmap(memory, MediaWire.artworkCapacity)
                info.artworkSize = artwork.bytes.count
                info.artworkType = artwork.type
            }
            socket.send(WorkerReply.probed(id: id, info: info))
        } catch {
            socket.send(WorkerReply.failed(id: id, failure: error.failure, detail: error.detail))
        }
    }
}

/// Milliseconds of a steady clock.
func clockMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
}
