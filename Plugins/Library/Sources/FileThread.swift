import Glibc

/// A thread for what may wait for a disk. Swift's pool must not: the rest of the bot runs there too.
///
/// `@unchecked Sendable`: what is mutable is touched in `init` and under `mutex` only, and both C objects stay where they were
/// made.
final class FileThread: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Each is called once; with false where it is not to be done any more.
    private var jobs: [@Sendable (Bool) -> Void] = []
    private var isOver = false
    private var thread: pthread_t?

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        let context = Unmanaged.passRetained(self)
        var made = pthread_t()
        let status = pthread_create(
            &made, nil,
            { context in
                if let context { Unmanaged<FileThread>.fromOpaque(context).takeRetainedValue().work() }
                return nil
            }, context.toOpaque())
        if status == 0 {
            thread = made
        } else {
            context.release()
            isOver = true
        }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// From any thread, also of the thread itself: whether it has been stopped.
    var hasStopped: Bool { locked { isOver } }

    /// Does `body` on the thread, after what others have given it. Nil where it has been stopped.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let job: @Sendable (Bool) -> Void = { continuation.resume(returning: $0 ? body() : nil) }
            let isTaken = locked {
                if !isOver { jobs.append(job) }
                pthread_cond_signal(condition)
                return !isOver
            }
            if !isTaken { job(false) }
        }
    }

    /// Waits for what is being done, and does nothing more.
    func stop() {
        let own = locked {
            defer { thread = nil }
            isOver = true
            pthread_cond_signal(condition)
            return thread
        }
        if let own { pthread_join(own, nil) }
    }

    private func work() {
        while let job = next() { job(!hasStopped) }
    }

    private func next() -> (@Sendable (Bool) -> Void)? {
        locked {
            while jobs.isEmpty, !isOver { pthread_cond_wait(condition, mutex) }
            return jobs.isEmpty ? nil : jobs.removeFirst()
        }
    }
}
