import CTimmyBot
import Foundation
import Synchronization

@testable import TimmyKit

/// How a task came to its end, as the host saw it.
enum Outcome: Sendable, Equatable {
    case sent(JSON, flags: UInt32, attachments: [String])
    case modal(JSON)
    case choices([Choice])
    case resolved([Track])
    case opened(FakeMedia)
    case artwork(String, [UInt8])
    case lyrics([Lyrics.Line], credit: String)
    case healthy(String)
    case failed(Failure)

    var text: String? { if case .sent(let json, _, _) = self { json[0]?["content"]?.string } else { nil } }
    var failure: Failure? { if case .failed(let failure) = self { failure } else { nil } }
    var media: FakeMedia? { if case .opened(let media) = self { media } else { nil } }
}

/// What `opened` was given, copied.
struct FakeMedia: Sendable, Equatable {
    var kind, flags: UInt32
    var url, type: String
    var headers: [Header]
    var byteLength: Int64
    var handle: UInt64
    var reader: FakeReader?
}

/// A host in Swift test code, behind the tables of the ABI.
///
/// `@unchecked Sendable`: the C structs are written in `init` only; all else is under the mutex.
final class FakeHost: @unchecked Sendable {
    typealias Done = @Sendable () -> Void

    struct State: Sendable {
        var outcomes: [tb_task: [Outcome]] = [:]
        var deferred: [tb_task: UInt32] = [:]
        var edits: [JSON] = []
        var followUps: [JSON] = []
        var progress: [String] = []
        var log: [String] = []
        var nextTask: tb_task = 1
        /// Tasks whose time is over: everything about them is stale.
        var expired: Set<tb_task> = []
        /// Texts of messages that "Discord would not take".
        var refused: Set<String> = []
        /// Completions that the test holds back.
        var held: [Done] = []
        var holdsBack = false
        /// Completions come, on another thread, before the function that they answer has returned.
        var answersFirst = false
        var store: [String: [UInt8]] = [:]
        var settings: [UInt64: [String: String]] = [:]
        var now: UInt64 = 0
        var timers: [UInt64: (due: UInt64, fire: Done)] = [:]
        var nextTimer: UInt64 = 1
        var requests: [FakeRequest] = []
        var streams: [UInt64: FakeStream] = [:]
        var closedStreams: [UInt64] = []
        var metrics: [String] = []
        var pipe: [UInt8] = []
        var pipeFinished: [Int32] = []
        var pipeCapacity = 0
        var played: [String] = []
        var probes = true
    }

    let state = Mutex(State())
    private let missing: Set<String>
    let raw: UnsafeMutablePointer<tb_host_v1>
    private let lender = Lender()

    /// - Parameter missing: ids of extensions that this host does not offer.
    init(without missing: Set<String> = []) {
        self.missing = missing
        raw = .allocate(capacity: 1)
        raw.initialize(
            to: tb_host_v1(
                magic: TB_HOST_MAGIC, size: UInt32(MemoryLayout<tb_host_v1>.size), host_data: nil,
                name: lender.lend("Fake"), version: lender.lend("1.2.3"),
                get_extension: { host, id in
                    guard let id else { return nil }
                    let name = String(cString: id)
                    return FakeHost.of(host).missing.contains(name) ? nil : FakeTables.all[name]
                }))
        // As long as the process, as every host: a plugin may hold its pointer.
        raw.pointee.host_data = Unmanaged.passRetained(self).toOpaque()
    }

    static func of(_ raw: UnsafePointer<tb_host_v1>?) -> FakeHost {
        Unmanaged<FakeHost>.fromOpaque(raw!.pointee.host_data).takeUnretainedValue()
    }

    // MARK: Tasks

    func newTask() -> tb_task {
        state.withLock { state in
            defer { state.nextTask += 1 }
            return state.nextTask
        }
    }

    func settle(_ task: tb_task, _ outcome: Outcome) -> tb_status {
        state.withLock { state in
            if state.expired.contains(task) { return TB_E_STALE }
            if let text = outcome.text, state.refused.contains(text) { return TB_E_INVALID }
            state.outcomes[task, default: []].append(outcome)
            return state.outcomes[task]?.count == 1 ? TB_OK : TB_E_STALE
        }
    }

    /// Waits for the first outcome of a task; a task that nobody settles ends as timed out.
    func outcome(_ task: tb_task) async -> Outcome {
        let isSettled = await eventually { count(task) > 0 }
        let first = state.withLock { $0.outcomes[task]?.first }
        guard isSettled, let first else { return .failed(Failure(code: .timeout, detail: "nobody settled it")) }
        return first
    }

    func count(_ task: tb_task) -> Int { state.withLock { $0.outcomes[task]?.count ?? 0 } }

    // MARK: Completions

    /// Called at any time after the request; where the test holds back, only when it lets it.
    func complete(_ done: @escaping Done) {
        let (now, isFirst) = state.withLock { state in
            if state.holdsBack { state.held.append(done) }
            return (!state.holdsBack, state.answersFirst)
        }
        guard now else { return }
        guard isFirst else {
            Task { done() }
            return
        }
        let over = Gate()
        Thread.detachNewThread {
            done()
            over.open()
        }
        over.wait()
    }

    func release() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for done in held { done() }
    }

    var heldCount: Int { state.withLock { $0.held.count } }

    // MARK: Time

    func advance(_ milliseconds: UInt64) {
        let due = state.withLock { state in
            state.now += milliseconds
            let due = state.timers.filter { $0.value.due <= state.now }.sorted { $0.value.due < $1.value.due }
            for timer in due { state.timers[timer.key] = nil }
            return due.map(\.value.fire)
        }
        for fire in due { fire() }
    }

    var timerCount: Int { state.withLock { $0.timers.count } }
}

/// Polls for what other threads do; gives up after 20 s.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return condition()
}

/// A C context on its way into a closure of the test's own.
struct Context: @unchecked Sendable { let raw: UnsafeMutableRawPointer? }
