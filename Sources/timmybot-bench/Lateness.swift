import CBenchFloor

/// How punctual packets were, by the kernel's clock at the receiving socket. What did not come has no lateness: see `Losses`.
enum Lateness {
    private static let slot = 1_000_000

    /// Nanoseconds, sorted, of the packets in `window`. With `schedule`, the pump's first slot, a packet is as late as it
    /// is behind its slot; without one, as it is behind the most punctual packet of its stream.
    static func of(_ packets: UnsafeBufferPointer<tb_record>, within window: Range<Int>, schedule: Int?) -> [Int] {
        var firsts: [UInt32: UInt32] = [:]
        var earliest: [UInt32: Int] = [:]
        func offset(_ record: tb_record) -> Int {
            // RTP's clock runs 960 samples in 20 ms, through silence and pauses too.
            Int(record.time) - Int(record.timestamp &- (firsts[record.ssrc] ?? 0)) / 960 * 20 * slot
        }
        // Only the window counts: a peer that is late in starting has not been early.
        let heard = packets.filter { window.contains(Int($0.time)) }
        for record in heard {
            if firsts[record.ssrc] == nil { firsts[record.ssrc] = record.timestamp }
            earliest[record.ssrc] = min(earliest[record.ssrc] ?? .max, offset(record))
        }
        return heard.map { record in
            let best = earliest[record.ssrc] ?? 0
            // A stream's slot is where its most punctual packet says: never a whole slot late in all the run.
            let due = schedule.map { $0 + (best - $0) / slot * slot } ?? best
            return offset(record) - due
        }.sorted()
    }

    /// Milliseconds.
    static func percentile(_ share: Double, of sorted: [Int]) -> Double {
        guard let last = sorted.indices.last else { return 0 }
        return Double(sorted[Int((Double(last) * share).rounded())]) / 1e6
    }
}
