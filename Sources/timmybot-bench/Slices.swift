/// Compares runs of different things: in short slices in turn, so that whoever else is at work hits all of them alike.
enum Slices {
    /// What each body measured at the least.
    static func least(_ rounds: Int, _ bodies: [() async throws -> Double]) async throws -> [Double] {
        var least = [Double](repeating: .infinity, count: bodies.count)
        for _ in 0..<max(1, rounds) {
            for index in bodies.indices { least[index] = min(least[index], try await bodies[index]()) }
        }
        return least
    }
}
