import Logging
import MediaWire

/// The processes: started, listened to, watched and replaced.
extension MediaEngine {
    // MARK: Starting

    /// Puts a process into every role that wants one, and hands it what waits. While starts fail, one at a time.
    func fill() {
        guard !stopped, retry == nil else { return }
        for role in [Role.player, .prober, .quarantine, .spare] where seats[role] == nil && isWanted(role) {
            if backoff.failures > 0, seats.values.contains(where: { !$0.isReady }) { return }
            if role == .player, let spare = seats.removeValue(forKey: .spare) {
                seats[.player] = spare
            } else {
                guard spawn(role) else { return }
            }
            placeWaiting()
        }
    }

    private func isWanted(_ role: Role) -> Bool {
        switch role {
        case .player, .spare: true
        case .prober: !probes.isEmpty
        case .quarantine: entries.values.contains { $0.worker == nil && !$0.strikes.isClean }
        }
    }

    private func placeWaiting() {
        for (id, entry) in entries
        where entry.worker == nil && seats[entry.strikes.isClean ? .player : .quarantine] != nil {
            place(stream: id)
        }
        guard seats[.prober] != nil else { return }
        for (id, probe) in probes where probe.worker == nil { place(probe: id) }
    }

    private func spawn(_ role: Role) -> Bool {
        do throws(MediaError) {
            let worker = try Worker(path: configuration.workerPath)
            seats[role] = Seat(worker: worker)
            Task { await self.listen(to: worker) }
            return true
        } catch {
            startFailed(error)
            return false
        }
    }

    /// The next attempt comes later and later. After a few, nothing is kept waiting for it.
    private func startFailed(_ error: MediaError) {
        startError = error
        // What was started together fails together.
        guard retry == nil, !stopped else { return }
        let pause = backoff.failed()
        logger.error("media worker: \(error.detail); next attempt in \(pause)")
        settleStart(.failure(error))
        if backoff.failures >= configuration.startAttempts { failEverything(error) }
        retry = Task {
            do { try await clock.sleep(for: pause) } catch { return }
            retry = nil
            fill()
        }
    }

    // MARK: Listening

    private func role(of worker: Worker) -> Role? { seats.first { $0.value.worker === worker }?.key }

    private func listen(to worker: Worker) async {
        for await reply in worker.replies { take(reply, from: worker) }
        let board = worker.board
        lost(
            worker,
            .ended(
                worker.ending, crashed: board.crashed, busy: board.busy.filter { $0 != 0 }, wasFull: worker.wasFull))
    }

    /// A worker is heard about what it was given, and about nothing else.
    private func take(_ reply: WorkerReply, from worker: Worker) {
        guard let role = role(of: worker) else { return }
        switch reply {
        case .ready: ready(role)
        case .opened(let id, let info, let passthrough):
            if entries[id]?.worker === worker { opened(id, info, passthrough: passthrough) }
        case .ended(let id):
            if entries[id]?.worker === worker { entries[id]?.stream?.sink.yield(.produced) }
        case .failed(let id, let failure, let detail):
            guard entries[id]?.worker === worker || probes[id]?.worker === worker else { return }
            fail(id, MediaError(failure, String(detail.prefix(300))))
        case .probed(let id, let info):
            guard probes[id]?.worker === worker else { return }
            probes.removeValue(forKey: id)?.waiting.resume(returning: .success(info.bounded))
        case .pong(_, let lanes):
            seats[role]?.unanswered = 0
            if role == .player { lastReports = lanes }
            judge(lanes, of: worker)
        }
    }

    private func ready(_ role: Role) {
        seats[role]?.isReady = true
        seats[role]?.unanswered = 0
        backoff.succeeded()
        startError = nil
        if role == .player { settleStart(.success(())) }
        fill()
    }

    func judge(_ lanes: [LaneReport], of worker: Worker) {
        for lane in lanes.prefix(64) {
            if lane.cpu > configuration.cpuLimit { return lost(worker, .fooled(lane.id)) }
            guard lane.wall > configuration.inputLimit else { continue }
            // Said before the worker has heard that it is to stop.
            if departed.contains(lane.id) { continue }
            guard let entry = entries[lane.id], entry.worker === worker, entry.input.server != nil else {
                return lost(worker, .stalled(lane.id))
            }
            // A feed's end sets the thread free: no reason to take the worker from the others.
            giveUp(lane.id)
        }
    }

    // MARK: Watching

    /// A feed that gives nothing, and the stream that waits for it.
    private func giveUp(_ id: UInt32) {
        entries[id]?.worker?.send(.close(id: id))
        fail(id, MediaError(.unreadable, "no more bytes came", retryAfter: .zero))
    }

    private func watchFeeds() {
        let limit = max(1, configuration.inputLimit / max(1, configuration.heartbeat.milliseconds))
        for (id, entry) in entries {
            guard let server = entry.input.server else { continue }
            let isPatient = server.mayFallSilent && entry.waiting == nil
            if entries[id]?.silence.look(server.currentRead) ?? 0 > limit, !isPatient { giveUp(id) }
        }
    }

    func watch() async {
        var number: UInt32 = 0
        while !stopped {
            do { try await clock.sleep(for: configuration.heartbeat) } catch { return }
            number &+= 1
            watchFeeds()
            departed.pass()
            for (role, seat) in seats {
                seat.worker.lookAtMemory()
                let patience = seat.isReady ? configuration.missedHeartbeats : configuration.startHeartbeats
                if seat.unanswered >= patience {
                    lost(seat.worker, .silent(busy: seat.worker.board.busy.filter { $0 != 0 }))
                } else if seats[role]?.worker === seat.worker {
                    seats[role]?.unanswered += 1
                    if seat.isReady { seat.worker.send(.ping(number: number)) }
                }
            }
        }
    }

    // MARK: Losing

    /// The worker is gone or to be given up. What it served goes on in another: the innocent in the next player, what is
    /// suspected apart from them, and what has had its chances not at all.
    private func lost(_ worker: Worker, _ loss: Loss) {
        guard let role = role(of: worker), let seat = seats.removeValue(forKey: role) else { return }
        worker.end()
        guard !stopped else { return }
        if role == .player { restarts += 1 }
        release(from: worker, loss)
        if seat.isReady {
            logger.warning("media worker (\(role)) lost: \(loss.reason)")
        } else {
            startFailed(
                MediaError(
                    .internalError, "the media worker \(configuration.workerPath) does not start: \(loss.reason)"))
        }
        fill()
    }

    private func release(from worker: Worker, _ loss: Loss) {
        for (id, entry) in entries where entry.worker === worker {
            entries[id]?.worker = nil
            guard let charge = loss.charge(id) else { continue }
            if let error = entries[id]?.strikes.add(charge, position: entry.stream?.position ?? 0) { fail(id, error) }
        }
        for (id, probe) in probes where probe.worker === worker {
            probes[id]?.worker = nil
            guard let charge = loss.charge(id) else { continue }
            if let error = probes[id]?.strikes.add(charge, position: 0) { fail(id, error) }
        }
    }

    /// The process apart is kept for as long as it serves something.
    func releaseQuarantine() {
        guard let seat = seats[.quarantine], !entries.values.contains(where: { $0.worker === seat.worker }) else {
            return
        }
        seats[.quarantine] = nil
        seat.worker.end()
    }
}

/// Streams that were closed a moment ago: a worker may still have something to say of them.
struct Departed: Sendable, Equatable {
    /// Heartbeats for which they are remembered: five seconds.
    static let memory = 25

    private var left: [UInt32: Int] = [:]

    mutating func add(_ id: UInt32) { left[id] = Self.memory }

    /// A heartbeat has passed.
    mutating func pass() { left = left.mapValues { $0 - 1 }.filter { $0.value > 0 } }

    func contains(_ id: UInt32) -> Bool { left[id] != nil }
}

/// How many times in a row a feed was found at the same read.
struct Silence: Sendable, Equatable {
    private var read: UInt64?
    private var looks = 0

    /// - Parameter current: the read that is under way, if any.
    mutating func look(_ current: UInt64?) -> Int {
        looks = current != nil && current == read ? looks + 1 : 0
        read = current
        return looks
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(clamping: components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
