/// Runs `body` for at most `limit`; true where it came to its end. What is left of it goes on by itself.
func ends(
    within limit: Duration, on clock: any Clock<Duration> = ContinuousClock(),
    _ body: @escaping @Sendable () async -> Void
) async -> Bool {
    let (outcomes, sink) = AsyncStream.makeStream(of: Bool.self)
    Task {
        await body()
        sink.yield(true)
    }
    let alarm = Task {
        do { try await clock.sleep(for: limit) } catch { return }
        sink.yield(false)
    }
    defer { alarm.cancel() }
    for await outcome in outcomes { return outcome }
    return false
}
