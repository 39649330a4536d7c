/// Makes texts comparable: case, accents, punctuation and decorations of titles do not count.
enum TextFolding {
    /// Lower-case words without accents. Anything that is neither letter nor digit parts words, except apostrophes.
    static func words(_ text: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        for scalar in text.unicodeScalars.prefix(1000) {
            if let folded = fold(scalar) {
                word += folded
            } else if !word.isEmpty {
                words.append(word)
                word = ""
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// Words of a title without what platforms add to it: `(Official Video)`, `[HD]`, `feat.`.
    static func titleWords(_ title: String) -> [String] {
        let all = words(title)
        let kept = all.filter { !decorations.contains($0) }
        return kept.isEmpty ? all : kept
    }

    /// Nil = parts words; empty = vanishes.
    private static func fold(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 0x30...0x39, 0x61...0x7A: return String(scalar)
        case 0x41...0x5A: return String(Unicode.Scalar(scalar.value + 32) ?? scalar)
        case 0x27, 0x2019, 0x60, 0xB4: return ""
        // Combining marks.
        case 0x300...0x36F: return ""
        default: break
        }
        let properties = scalar.properties
        guard properties.isAlphabetic || properties.numericType != nil else { return nil }
        let lower = properties.lowercaseMapping
        guard let first = lower.unicodeScalars.first else { return nil }
        return plain[first] ?? lower
    }

    private static let decorations: Set<String> = [
        "official", "video", "audio", "lyrics", "lyric", "visualizer", "visualiser", "hd", "hq", "4k", "mv", "feat",
        "ft",
        "featuring", "remastered", "remaster", "topic", "vevo",
    ]

    private static let plain: [Unicode.Scalar: String] = {
        let groups: [(String, String)] = [
            ("a", "àáâãäåāăąǎ"), ("c", "çćĉċč"), ("d", "ďđð"), ("e", "èéêëēĕėęě"), ("g", "ĝğġģ"), ("h", "ĥħ"),
            ("i", "ìíîïĩīĭįıǐ"), ("j", "ĵ"), ("k", "ķ"), ("l", "ĺļľŀł"), ("n", "ñńņňŋ"), ("o", "òóôõöøōŏőǒ"),
            ("r", "ŕŗř"), ("s", "śŝşšș"), ("t", "ţťŧț"), ("u", "ùúûüũūŭůűųǔ"), ("w", "ŵ"), ("y", "ýÿŷ"), ("z", "źżž"),
            ("ss", "ß"), ("ae", "æ"), ("oe", "œ"), ("th", "þ"),
        ]
        var table: [Unicode.Scalar: String] = [:]
        for (letter, accented) in groups { for scalar in accented.unicodeScalars { table[scalar] = letter } }
        return table
    }()
}

/// Edits (insert, delete, replace, swap of neighbours) between two short words; gives up above `limit`.
func editDistance(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>, limit: Int) -> Int? {
    guard abs(a.count - b.count) <= limit, a.count <= 64, b.count <= 64 else { return nil }
    // One edit changes the set of letters by two at most; most pairs of words are told apart here.
    let letters = { (word: UInt64, byte: UInt8) in word | 1 << UInt64(byte & 63) }
    guard (a.reduce(0, letters) ^ b.reduce(0, letters)).nonzeroBitCount <= 2 * limit else { return nil }
    let (a, b) = (Array(a), Array(b))
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
        var row = [i + 1]
        row.reserveCapacity(b.count + 1)
        for j in 0..<b.count {
            var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
            row.append(best)
        }
        if row.min() ?? 0 > limit { return nil }
        (before, last) = (last, row)
    }
    return last[b.count] <= limit ? last[b.count] : nil
}
