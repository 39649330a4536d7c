import Foundation

/// How loud sound is.
public enum Loudness {
    /// Root mean square of samples in dB below full scale; minus infinity for silence and for none.
    public static func decibels(_ samples: [Int16]) -> Double {
        guard !samples.isEmpty else { return -.infinity }
        let sum = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
        return 20 * log10((sum / Double(samples.count)).squareRoot() / 32_768)
    }
}
