/// Text made comparable once: lower case, words, and their pairs of bytes for typing errors. In a few flat arrays, because a
/// library has tens of thousands of these and a search reads them all.
struct SearchText: Sendable {
    private struct Word: Sendable {
        /// In `bytes` and in `pairs`, where they are sorted and each is there once.
        let bytes, pairs: Range<Int>
        /// A bit for each pair; several may share one.
        let mask: UInt64
        let isASCII: Bool
    }

    private let texts: [String]
    private let words: [Word]
    private let bytes: [UInt8]
    private let pairs: [UInt16]

    init(_ text: String) {
        let folded = text.prefix(400).lowercased()
        var texts: [String] = [], words: [Word] = [], bytes: [UInt8] = [], pairs: [UInt16] = []
        for part in folded.split(whereSeparator: { !$0.isLetter && !$0.isNumber }).prefix(40) {
            let word = Array(part.utf8)
            let own = Set(zip(word, word.dropFirst()).map { UInt16($0) << 8 | UInt16($1) }).sorted()
            words.append(
                Word(
                    bytes: bytes.count..<bytes.count + word.count, pairs: pairs.count..<pairs.count + own.count,
                    mask: own.reduce(0) { $0 | Self.bit($1) }, isASCII: word.allSatisfy { $0 < 0x80 }))
            texts.append(String(part))
            bytes += word
            pairs += own
        }
        (self.texts, self.words, self.bytes, self.pairs) = (texts, words, bytes, pairs)
    }

    var isEmpty: Bool { words.isEmpty }

    private static func bit(_ pair: UInt16) -> UInt64 { 1 << UInt64((pair &* 40_503) >> 10) }

    /// 0 to 1: how much of this text is found in `other`, the mean over our words of their best match.
    func score(in other: SearchText) -> Double {
        guard !words.isEmpty else { return 0 }
        var sum = 0.0
        for mine in words.indices {
            var best = 0.0
            for theirs in other.words.indices where best < 1 { best = max(best, likeness(mine, other, theirs)) }
            sum += best
        }
        return sum / Double(words.count)
    }

    private func likeness(_ mine: Int, _ other: SearchText, _ theirs: Int) -> Double {
        let word = words[mine], target = other.words[theirs]
        // Letters with accents may be written in several ways, which only `String` knows to be the same.
        let whole =
            word.isASCII || target.isASCII
            ? match(word, other, target) : Self.match(texts[mine], other.texts[theirs])
        return whole > 0 ? whole : pairLikeness(word, other, target)
    }

    private static func match(_ word: String, _ target: String) -> Double {
        if word == target { return 1 }
        if target.hasPrefix(word) { return 0.9 }
        return word.utf8.count >= 3 && target.contains(word) ? 0.7 : 0
    }

    private func match(_ word: Word, _ other: SearchText, _ target: Word) -> Double {
        let length = word.bytes.count
        guard length <= target.bytes.count else { return 0 }
        // A word is nowhere in a text that lacks one of its pairs.
        guard word.mask & ~target.mask == 0 else { return 0 }
        if has(word, other, at: target.bytes.lowerBound) { return length == target.bytes.count ? 1 : 0.9 }
        guard length >= 3 else { return 0 }
        let last = target.bytes.upperBound - length
        for place in target.bytes.lowerBound...last where has(word, other, at: place) { return 0.7 }
        return 0
    }

    private func has(_ word: Word, _ other: SearchText, at place: Int) -> Bool {
        for offset in 0..<word.bytes.count
        where bytes[word.bytes.lowerBound + offset] != other.bytes[place + offset] { return false }
        return true
    }

    /// For typing errors: at least half of the pairs are the same.
    private func pairLikeness(_ word: Word, _ other: SearchText, _ target: Word) -> Double {
        let all = word.pairs.count + target.pairs.count
        // No more are shared than there are common bits, and pairs that have none of their own.
        let most = (word.mask & target.mask).nonzeroBitCount + word.pairs.count - word.mask.nonzeroBitCount
        guard all > 0, 4 * most >= all else { return 0 }
        var shared = 0, mine = word.pairs.lowerBound, theirs = target.pairs.lowerBound
        while mine < word.pairs.upperBound, theirs < target.pairs.upperBound {
            let own = pairs[mine], foreign = other.pairs[theirs]
            if own == foreign { shared += 1 }
            if own <= foreign { mine += 1 }
            if foreign <= own { theirs += 1 }
        }
        let likeness = 2 * Double(shared) / Double(all)
        return likeness >= 0.5 ? 0.75 * likeness : 0
    }
}

/// The best of what has been looked at, in order: by score, and by path where scores are equal.
struct Best<Item> {
    private let limit: Int
    private var found: [(score: Double, path: String, item: Item)] = []

    init(_ limit: Int) { self.limit = limit }

    var items: [Item] { found.map(\.item) }

    mutating func add(_ item: Item, score: Double, path: String) {
        if found.count == limit, let last = found.last, (last.score, path) >= (score, last.path) { return }
        guard limit > 0 else { return }
        let place = found.firstIndex { (score, $0.path) > ($0.score, path) } ?? found.count
        found.insert((score, path, item), at: place)
        if found.count > limit { found.removeLast() }
    }
}
