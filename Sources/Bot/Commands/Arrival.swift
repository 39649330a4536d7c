/// An interaction on its way to an answer. Discord counts from its arrival, so the clock runs from the moment this is made,
/// also while the interaction waits for its turn.
struct Arrival: Sendable {
    private let alarm: Task<Bool, Never>
    /// To be called once the plugin is done, while Discord may still be told. May be repeated.
    let settled: @Sendable () -> Void

    init(_ patience: Duration, on clock: any Clock<Duration>, settled: @escaping @Sendable () -> Void) {
        alarm = Task {
            do { try await clock.sleep(for: patience) } catch { return false }
            return true
        }
        self.settled = settled
    }

    /// Returns true once the patience is used up, false where the interaction has ended before.
    func isDue() async -> Bool { await alarm.value }

    func end() {
        alarm.cancel()
        settled()
    }
}
