import CLinux
import Foundation
import Glibc
import Logging
import MediaWire

/// One running worker process and the thread that reads its answers.
final class Worker: Sendable {
    let pid: pid_t
    let socket: WireSocket
    /// Answers in order; ends when the process is gone. Read by one consumer.
    let replies: AsyncStream<WorkerReply>

    /// Starts a process. Throws where it cannot be started.
    init(path: String) throws(MediaError) {
        var pair: [Int32] = [-1, -1]
        guard tb_socket_pair(&pair) == 0 else {
            throw MediaError(.internalError, "no sockets: \(String(cString: strerror(errno)))")
        }
        let pid = tb_spawn_worker(path, pair[1])
        close(pair[1])
        guard pid > 0 else {
            close(pair[0])
            throw MediaError(.internalError, "the media worker cannot be started")
        }
        self.pid = pid
        let socket = WireSocket(descriptor: pair[0])
        self.socket = socket
        let (replies, sink) = AsyncStream.makeStream(of: WorkerReply.self)
        self.replies = replies
        let thread = Thread {
            while let (reply, descriptors) = socket.receive(WorkerReply.self) {
                // A worker has no business sending descriptors.
                for descriptor in descriptors { close(descriptor) }
                sink.yield(reply)
            }
            sink.finish()
            var status: Int32 = 0
            kill(pid, SIGKILL)
            waitpid(pid, &status, 0)
        }
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Ends the process; `replies` then ends too.
    func end() {
        kill(pid, SIGKILL)
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
    }
}
