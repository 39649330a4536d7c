import AudioRing
import Foundation
import Glibc
import MediaWire

/// The worker's streams: one thread reads the control socket, others fill rings.
final class Server: @unchecked Sendable {
    /// How often rings are topped up, in microseconds. A ring holds 240 ms.
    private static let period: UInt32 = 40_000
    static let threads = 2

    /// `@unchecked Sendable`: `lanes` are guarded each by its own lock; the socket is safe by itself.
    private final class Lane: @unchecked Sendable {
        let lock = NSCondition()
        /// Work for the lane's thread, done between fillings.
        var jobs: [() -> Void] = []
        var streams: [UInt32: Stream] = [:]
        /// The stream that is being worked at, since when.
        var busy: (id: UInt32, since: UInt64) = (0, 0)
    }

    private let socket: WireSocket
    private let lanes = (0..<Server.threads).map { _ in Lane() }

    init(socket: WireSocket) { self.socket = socket }

    /// Serves until the host closes the socket.
    func run() {
        for lane in lanes {
            let thread = Thread { [self] in work(lane) }
            thread.stackSize = 1 << 20
            thread.start()
        }
        socket.send(WorkerReply.ready)
        while let (request, descriptors) = socket.receive(WorkerRequest.self) { take(request, descriptors) }
    }

    private func lane(_ id: UInt32) -> Lane { lanes[Int(id) % lanes.count] }

    private func take(_ request: WorkerRequest, _ descriptors: [Int32]) {
        switch request {
        case .open(let id, let options):
            guard descriptors.count == 2 else { return refuse(id, descriptors) }
            enqueue(id) { [self] lane in open(id, options, descriptors, in: lane) }
        case .change(let id, let volume, let filter):
            enqueue(id) { [self] lane in
                attempt(id, in: lane) { stream throws(WorkerError) in try stream.change(volume: volume, filter: filter)
                }
            }
        case .close(let id): enqueue(id) { $0.streams[id] = nil }
        case .probe(let id):
            guard descriptors.count == 2 else { return refuse(id, descriptors) }
            enqueue(id) { [self] _ in probe(id, descriptors) }
        case .ping(let number): pong(number)
        }
    }

    private func refuse(_ id: UInt32, _ descriptors: [Int32]) {
        for descriptor in descriptors { close(descriptor) }
        socket.send(WorkerReply.failed(id: id, failure: .internalError, detail: "descriptors are missing"))
    }

    private func pong(_ number: UInt32) {
        let now = clockMilliseconds()
        let busiest =
            lanes.map { lane in
                lane.lock.withLock { lane.busy.id == 0 ? (0, 0) : (lane.busy.id, Int(now - min(now, lane.busy.since))) }
            }.max { $0.1 < $1.1 } ?? (0, 0)
        socket.send(WorkerReply.pong(number: number, busy: busiest.0, busyFor: busiest.1))
    }

    private func enqueue(_ id: UInt32, _ job: @escaping (Lane) -> Void) {
        let lane = lane(id)
        lane.lock.withLock {
            lane.jobs.append { [self] in
                mark(lane, id)
                job(lane)
                mark(lane, 0)
            }
            lane.lock.signal()
        }
    }

    private func mark(_ lane: Lane, _ id: UInt32) { lane.lock.withLock { lane.busy = (id, clockMilliseconds()) } }

    // MARK: Lane threads

    private func work(_ lane: Lane) {
        while true {
            let jobs = lane.lock.withLock { () -> [() -> Void] in
                if lane.jobs.isEmpty {
                    _ = lane.lock.wait(until: Date(timeIntervalSinceNow: Double(Self.period) / 1e6))
                }
                defer { lane.jobs = [] }
                return lane.jobs
            }
            for job in jobs { job() }
            for (id, stream) in lane.streams {
                mark(lane, id)
                fill(stream, in: lane)
            }
            mark(lane, 0)
        }
    }

    private func open(_ id: UInt32, _ options: StreamOptions, _ descriptors: [Int32], in lane: Lane) {
        guard let ring = try? AudioRing(adopting: descriptors[1]) else {
            close(descriptors[0])
            socket.send(WorkerReply.failed(id: id, failure: .internalError, detail: "ring cannot be mapped"))
            return
        }
        do throws(WorkerError) {
            let stream = try Stream(id: id, descriptor: descriptors[0], ring: ring, options: options)
            lane.streams[id] = stream
            fill(stream, in: lane)
            if lane.streams[id] != nil || stream.isOver {
                socket.send(WorkerReply.opened(id: id, info: stream.info, passthrough: stream.isPassthrough))
            }
            if stream.isOver { socket.send(WorkerReply.ended(id: id)) }
        } catch {
            ring.finish(.failed)
            socket.send(WorkerReply.failed(id: id, failure: error.failure, detail: error.detail))
        }
    }

    private func fill(_ stream: Stream, in lane: Lane) {
        attempt(stream.id, in: lane) { stream throws(WorkerError) in
            if try !stream.fill() {
                lane.streams[stream.id] = nil
            }
        }
    }

    private func attempt(_ id: UInt32, in lane: Lane, _ body: (Stream) throws(WorkerError) -> Void) {
        guard let stream = lane.streams[id] else { return }
        do throws(WorkerError) {
            try body(stream)
        } catch {
            lane.streams[id] = nil
            stream.fail()
            socket.send(WorkerReply.failed(id: id, failure: error.failure, detail: error.detail))
        }
    }

    private func probe(_ id: UInt32, _ descriptors: [Int32]) {
        defer { close(descriptors[1]) }
        do throws(WorkerError) {
            let demuxer = try Demuxer(descriptor: descriptors[0])
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
