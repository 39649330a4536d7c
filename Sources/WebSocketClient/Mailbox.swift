import Synchronization

/// A queue between many producers and one consumer task, in order, with a high-water mark.
///
/// `push` never drops and never waits: it says whether the mark is reached, and the producer decides (stop reading a
/// socket, wait in `waitForRoom`, refuse the caller). Room is announced once the cost has fallen to half the mark.
/// Any thread may push; one task at a time may call `next`.
package final class Mailbox<Element: Sendable>: Sendable {
    package enum Pressure: Sendable {
        case room
        /// Taken, and the mark is reached.
        case full
        /// Not taken: the mailbox is finished.
        case finished
    }

    private struct State {
        var items: [(element: Element, cost: Int)] = []
        var head = 0
        var cost = 0
        var isFull = false
        var isFinished = false
        var consumer: CheckedContinuation<Element?, Never>?
        var producers: [CheckedContinuation<Void, Never>] = []
        var onDrain: (@Sendable () -> Void)?

        mutating func take(mark: Int, _ wakeups: inout Wakeups) -> Element? {
            guard head < items.count else { return nil }
            let item = items[head]
            head += 1
            cost -= item.cost
            if head == items.count {
                items.removeAll(keepingCapacity: items.capacity <= 64)
                head = 0
            } else if head >= 64, head * 2 >= items.count {
                items.removeFirst(head)
                head = 0
            }
            if isFull, cost <= mark / 2 {
                isFull = false
                wakeups.producers = producers
                wakeups.onDrain = onDrain
                producers = []
            }
            return item.element
        }
    }

    /// What has to be called after the lock is released.
    private struct Wakeups {
        var producers: [CheckedContinuation<Void, Never>] = []
        var onDrain: (@Sendable () -> Void)?

        func run() {
            for producer in producers { producer.resume() }
            onDrain?()
        }
    }

    private let mark: Int
    private let state = Mutex(State())

    /// - Parameter mark: sum of costs at which producers should stop.
    package init(mark: Int) { self.mark = max(1, mark) }

    /// Called on the consumer's thread each time the mailbox has been full and has room again.
    package func onDrain(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.onDrain = body }
    }

    package var hasRoom: Bool { state.withLock { !$0.isFull } }
    package var isFinished: Bool { state.withLock { $0.isFinished } }
    package var count: Int { state.withLock { $0.items.count - $0.head } }

    @discardableResult
    package func push(_ element: Element, cost: Int = 1) -> Pressure {
        let (waiting, pressure) = state.withLock { state -> (CheckedContinuation<Element?, Never>?, Pressure) in
            if state.isFinished { return (nil, .finished) }
            if let consumer = state.consumer {
                state.consumer = nil
                return (consumer, .room)
            }
            state.items.append((element, cost))
            state.cost += cost
            if state.cost >= mark { state.isFull = true }
            return (nil, state.isFull ? .full : .room)
        }
        waiting?.resume(returning: element)
        return pressure
    }

    /// The next element; nil once finished and empty, or when the calling task is cancelled.
    package func next() async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                var element: Element?
                var wakeups = Wakeups()
                let waits = state.withLock { state -> Bool in
                    element = state.take(mark: mark, &wakeups)
                    guard element == nil, !state.isFinished, !Task.isCancelled, state.consumer == nil else {
                        return false
                    }
                    state.consumer = continuation
                    return true
                }
                wakeups.run()
                if !waits { continuation.resume(returning: element) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                defer { state.consumer = nil }
                return state.consumer
            }
            waiting?.resume(returning: nil)
        }
    }

    /// Returns when there is room, or when the mailbox is finished.
    package func waitForRoom() async {
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard state.isFull, !state.isFinished else { return false }
                state.producers.append(continuation)
                return true
            }
            if !waits { continuation.resume() }
        }
    }

    /// What is queued can still be read; nothing more is taken.
    package func finish() {
        let (consumer, producers) = state.withLock { state in
            state.isFinished = true
            state.onDrain = nil
            defer { (state.consumer, state.producers) = (nil, []) }
            return (state.consumer, state.producers)
        }
        consumer?.resume(returning: nil)
        for producer in producers { producer.resume() }
    }
}
