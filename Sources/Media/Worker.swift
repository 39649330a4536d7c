import CLinux
import Dispatch
import Foundation
import Glibc
import MediaWire
import Synchronization

/// One running worker process, with the thread that reads its answers and the queue that writes to it.
final class Worker: Sendable {
    /// Answers that may wait to be taken; a worker that says more is out of its mind.
    private static let maximumWaiting = 4_096

    let pid: pid_t
    let board: Board
    /// Answers in order; ends when the process is gone and reaped. Read by one consumer.
    let replies: AsyncStream<WorkerReply>
    private let socket: WireSocket
    private let process: ProcessHandle
    /// Writing may block where the worker does not read, so it is not done in the caller's thread.
    private let outbox = DispatchQueue(label: "media-worker-outbox")
    private let outcome = Mutex<String?>(nil)
    private let isFull = Atomic(false)

    /// Whether it was short of memory when it was last looked at: three quarters of what it may have were in use.
    var wasFull: Bool { isFull.load(ordering: .relaxed) }

    /// How the process ended, once `replies` has; for the operator.
    var ending: String { outcome.withLock { $0 } ?? "unknown" }

    /// Starts a process. Throws where it cannot be started, as far as that is known at once.
    init(path: String) throws(MediaError) {
        guard access(path, X_OK) == 0 else {
            throw MediaError(
                .internalError, "the media worker \(path) cannot be executed: \(String(cString: strerror(errno)))")
        }
        board = try Board()
        var pair: [Int32] = [-1, -1]
        guard tb_socket_pair(&pair) == 0 else {
            throw MediaError(.internalError, "no sockets: \(String(cString: strerror(errno)))")
        }
        let socket = WireSocket(descriptor: pair[0])
        let pid = tb_spawn_worker(path, pair[1], board.descriptor)
        close(pair[1])
        guard pid > 0 else {
            throw MediaError(.internalError, "no media worker: \(String(cString: strerror(errno)))")
        }
        let process = try ProcessHandle(child: pid)
        (self.pid, self.socket, self.process) = (pid, socket, process)
        let (replies, sink) = AsyncStream.makeStream(
            of: WorkerReply.self, bufferingPolicy: .bufferingOldest(Self.maximumWaiting))
        self.replies = replies
        let thread = Thread { [weak self] in
            Self.read(socket, into: sink)
            let ending = process.kill()
            self?.outcome.withLock { $0 = ending }
            sink.finish()
        }
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Until the worker is gone or talks nonsense.
    private static func read(_ socket: WireSocket, into sink: AsyncStream<WorkerReply>.Continuation) {
        while let (reply, descriptors) = socket.receive(WorkerReply.self) {
            // A worker has no business sending descriptors.
            for descriptor in descriptors { close(descriptor) }
            if case .dropped = sink.yield(reply) { return }
        }
    }

    /// Of a process that is gone there is nothing to see, and what was seen last stays.
    func lookAtMemory() {
        // The sixth number: pages of data and stack (proc(5)).
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst(5).first.flatMap({ Int($0) }), pages > 0
        else { return }
        isFull.store(pages * Int(sysconf(Int32(_SC_PAGESIZE))) > MediaWire.workerMemory / 4 * 3, ordering: .relaxed)
    }

    /// From any thread; in order.
    func send(_ request: WorkerRequest) {
        outbox.async { [socket] in _ = socket.send(request) }
    }

    /// The same, with an own view of `file` and another descriptor, whose owner is kept until it is sent. The view is
    /// opened at the last moment: hundreds of streams that change the worker would need hundreds of descriptors more.
    func send(_ request: WorkerRequest, _ file: MediaFile, and other: Int32, of owner: any Sendable & AnyObject) {
        outbox.async { [socket] in
            let view = file.reopened() ?? file
            socket.send(request, descriptors: [view.descriptor, other])
            withExtendedLifetime((view, owner)) {}
        }
    }

    /// Ends the process; `replies` then ends too. Does nothing where it has ended.
    func end() {
        process.signal(SIGKILL)
        socket.hangUp()
    }
}

/// A child process that is meant by descriptor: its number may belong to another once it is reaped.
final class ProcessHandle: Sendable {
    private let descriptor: Int32

    /// For a child that nobody has waited for.
    init(child pid: pid_t) throws(MediaError) {
        descriptor = tb_pidfd_open(pid)
        guard descriptor >= 0 else {
            let cause = String(cString: strerror(errno))
            // Not reaped, so the number is still the child's.
            Glibc.kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw MediaError(.internalError, "pidfd_open is refused: \(cause)")
        }
    }

    deinit { close(descriptor) }

    func signal(_ number: Int32) { _ = tb_pidfd_signal(descriptor, number) }

    /// Kills where it still runs, and waits; how it ended, for the operator. To be called once.
    func kill() -> String {
        // Something that has ended by itself is not changed by this: it is a zombie already.
        signal(SIGKILL)
        var status: Int32 = 0, number: Int32 = 0
        guard tb_pidfd_reap(descriptor, &status, &number) == 0 else { return "unknown" }
        switch status {
        case _ where number != 0: return "signal \(number)"
        case 71: return "exit status 71: the kernel refused its confinement (seccomp)"
        case 126, 127: return "exit status \(status): it cannot be executed"
        default: return "exit status \(status)"
        }
    }
}
