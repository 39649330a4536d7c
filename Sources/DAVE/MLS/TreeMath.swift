/// Index arithmetic of the array-based ratchet tree (RFC 9420, appendix C). `width` counts nodes: 2n - 1 for n leaves,
/// n a power of two.
enum TreeMath {
    static func level(_ node: Int) -> Int { (~node).trailingZeroBitCount }
    static func isLeaf(_ node: Int) -> Bool { node & 1 == 0 }
    static func root(leaves: Int) -> Int { leaves - 1 }
    static func left(_ node: Int) -> Int { node ^ (1 << (level(node) - 1)) }
    static func right(_ node: Int) -> Int { node ^ (3 << (level(node) - 1)) }

    static func parent(_ node: Int) -> Int {
        let level = level(node)
        return (node | 1 << level) & ~(1 << (level + 1))
    }

    static func sibling(_ node: Int) -> Int {
        let parent = parent(node)
        return node < parent ? right(parent) : left(parent)
    }

    /// Ancestors from the parent up to the root; empty for the root.
    static func directPath(_ node: Int, leaves: Int) -> [Int] {
        var path: [Int] = []
        var node = node
        let root = root(leaves: leaves)
        while node != root {
            node = parent(node)
            path.append(node)
        }
        return path
    }

    /// Whether `node` is in the subtree below (and including) `ancestor`.
    static func contains(_ ancestor: Int, _ node: Int) -> Bool {
        let span = (1 << level(ancestor)) - 1
        return node >= ancestor - span && node <= ancestor + span
    }

    static func leaves(below node: Int) -> ClosedRange<Int> {
        let span = (1 << level(node)) - 1
        return (node - span) / 2...(node + span) / 2
    }
}
