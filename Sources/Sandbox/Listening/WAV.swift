/// RIFF WAV with 16-bit PCM.
public enum WAV {
    /// - Parameter samples: interleaved.
    public static func file(_ samples: [Int16], channels: Int, sampleRate: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(44 + samples.count * 2)
        func word(_ value: Int) {
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        func half(_ value: Int) { for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) } }
        bytes += "RIFF".utf8
        word(36 + samples.count * 2)
        bytes += "WAVEfmt ".utf8
        word(16)
        half(1)
        half(channels)
        word(sampleRate)
        word(sampleRate * channels * 2)
        half(channels * 2)
        half(16)
        bytes += "data".utf8
        word(samples.count * 2)
        for sample in samples { half(Int(sample)) }
        return bytes
    }
}
