import CSignal

/// How alike two recordings are, once aligned.
public struct Correlation: Sendable, Equatable {
    /// Pearson's coefficient at the best alignment, -1 to 1.
    public let value: Double
    /// Samples (of one channel) of the reference that precede the first heard one; negative where the heard one starts
    /// first.
    public let offset: Int
    /// Samples compared.
    public let overlap: Int

    /// Looks for `heard` in `reference`; both mono at the same rate.
    /// - Parameters:
    ///   - maximumOffset: how far to look either way, in samples.
    /// - Returns: nil where either is too short (under 2048 samples of overlap).
    public static func find(_ heard: [Float], in reference: [Float], maximumOffset: Int) -> Correlation? {
        // Coarse at 1/32 of the rate, then finer around the best few.
        var candidates = best(
            decimated(heard, 32), decimated(reference, 32), around: [0], reach: maximumOffset / 32 + 1, keep: 6)
        for (factor, coarser) in [(8, 4), (1, 8)] {
            candidates = best(
                decimated(heard, factor), decimated(reference, factor), around: candidates.map { $0 * coarser },
                reach: coarser * 2, keep: 3)
        }
        guard let offset = candidates.first, let (value, overlap) = measure(heard, reference, offset), overlap >= 2048
        else { return nil }
        return Correlation(value: value, offset: offset, overlap: overlap)
    }

    /// Mixes interleaved stereo down to mono.
    public static func mono(_ stereo: [Int16]) -> [Float] {
        stride(from: 0, to: stereo.count - 1, by: 2).map { (Float(stereo[$0]) + Float(stereo[$0 + 1])) / 65536 }
    }

    private static func decimated(_ samples: [Float], _ factor: Int) -> [Float] {
        guard factor > 1 else { return samples }
        return samples.withUnsafeBufferPointer { input in
            (0..<(input.count / factor)).map { block in
                var sum: Float = 0
                for index in 0..<factor { sum += input[block &* factor &+ index] }
                return sum / Float(factor)
            }
        }
    }

    private static func best(
        _ heard: [Float], _ reference: [Float], around centres: [Int], reach: Int, keep: Int
    ) -> [Int] {
        var scored: [(Double, Int)] = []
        for offset in Set(centres.flatMap { ($0 - reach)...($0 + reach) }) {
            guard let (value, overlap) = measure(heard, reference, offset),
                overlap * 4 >= min(heard.count, reference.count)
            else { continue }
            scored.append((value, offset))
        }
        return scored.sorted { $0.0 > $1.0 }.prefix(keep).map(\.1)
    }

    /// Coefficient with `heard[0]` laid on `reference[offset]`.
    private static func measure(_ heard: [Float], _ reference: [Float], _ offset: Int) -> (Double, Int)? {
        let start = max(0, -offset)
        let count = min(heard.count, reference.count - offset) - start
        guard count >= 16 else { return nil }
        let value = heard.withUnsafeBufferPointer { a in
            reference.withUnsafeBufferPointer { b -> Double in
                guard let a = a.baseAddress, let b = b.baseAddress else { return 0 }
                return tb_pearson(a + start, b + start + offset, count)
            }
        }
        return (value, count)
    }
}
