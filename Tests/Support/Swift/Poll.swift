/// Looks at `condition` until it holds, for what another thread or process does; whether it did within `limit` of real time.
///
/// The limit is for a machine that is overloaded: nobody waits for it where all is well. Sleeping between the looks leaves
/// the machine to who is waited for.
public func poll(
    within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(1), _ condition: () async -> Bool
) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: pause)
    }
    // Whoever was kept from looking all the time looks once more.
    return await condition()
}
