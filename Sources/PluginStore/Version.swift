/// A version in the order of semantic versioning; parts that are no numbers compare as text.
struct Version: Comparable {
    private let core: [Substring]
    private let preRelease: [Substring]

    init(_ text: String) {
        // What follows a plus names a build and has no order.
        let bare = text.prefix { $0 != "+" }
        let parts = bare.split(separator: "-", maxSplits: 1)
        core = parts.first?.split(separator: ".", omittingEmptySubsequences: false) ?? []
        preRelease = parts.count > 1 ? parts[1].split(separator: ".", omittingEmptySubsequences: false) : []
    }

    static func < (left: Version, right: Version) -> Bool { left.order(right) < 0 }
    static func == (left: Version, right: Version) -> Bool { left.order(right) == 0 }

    private func order(_ other: Version) -> Int {
        let count = max(core.count, other.core.count)
        for index in 0..<count {
            let order = Self.order(
                index < core.count ? core[index] : "0", index < other.core.count ? other.core[index] : "0")
            if order != 0 { return order }
        }
        // 1.0.0-beta comes before 1.0.0.
        if preRelease.isEmpty || other.preRelease.isEmpty {
            return (preRelease.isEmpty ? 1 : 0) - (other.preRelease.isEmpty ? 1 : 0)
        }
        for (left, right) in zip(preRelease, other.preRelease) {
            let order = Self.order(left, right)
            if order != 0 { return order }
        }
        return preRelease.count - other.preRelease.count
    }

    private static func order(_ left: Substring, _ right: Substring) -> Int {
        switch (UInt64(left), UInt64(right)) {
        case (let left?, let right?): left < right ? -1 : left > right ? 1 : 0
        case (_?, nil): -1
        case (nil, _?): 1
        case (nil, nil): left < right ? -1 : left > right ? 1 : 0
        }
    }
}
