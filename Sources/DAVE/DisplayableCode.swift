/// Digits that people compare (DAVE, "Displayable Codes").
public enum DisplayableCode {
    /// Groups of `groupSize` bytes, each as `groupSize` decimal digits.
    /// - Returns: nil where the sizes do not fit the data.
    public static func digits(of data: [UInt8], length: Int, groupSize: Int) -> String? {
        guard (1..<8).contains(groupSize), length > 0, length % groupSize == 0, data.count >= length else { return nil }
        let modulus = (0..<groupSize).reduce(UInt64(1)) { value, _ in value * 10 }
        return stride(from: 0, to: length, by: groupSize).map { start in
            let group = data[start..<start + groupSize].reduce(UInt64(0)) { ($0 << 8 | UInt64($1)) }
            let text = String(group % modulus)
            return String(repeating: "0", count: groupSize - text.count) + text
        }.joined()
    }
}
