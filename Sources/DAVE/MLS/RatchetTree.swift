/// RFC 9420, section 7.1.
struct ParentNode: TLSCodable, Equatable, Sendable {
    var encryptionKey, parentHash: [UInt8]
    var unmergedLeaves: [Int]

    init(encryptionKey: [UInt8], parentHash: [UInt8], unmergedLeaves: [Int]) {
        self.encryptionKey = encryptionKey
        self.parentHash = parentHash
        self.unmergedLeaves = unmergedLeaves
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        encryptionKey = try reader.opaque()
        parentHash = try reader.opaque()
        unmergedLeaves = try reader.vector { (inner: inout TLSReader) throws(MLSError) in Int(try inner.uint32()) }
        for (one, next) in zip(unmergedLeaves, unmergedLeaves.dropFirst()) where one >= next {
            throw .malformed("unmerged leaves are not in increasing order")
        }
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(encryptionKey)
        writer.opaque(parentHash)
        writer.vector(unmergedLeaves) { $0.uint32(UInt32($1)) }
    }
}

/// RFC 9420, section 7: the public side of the tree.
struct RatchetTree: Equatable, Sendable {
    enum Node: Equatable, Sendable {
        case leaf(LeafNode)
        case parent(ParentNode)
    }

    /// Leaves that one tree may have: far more than a voice call.
    static let maximumLeaves = 4096

    /// 2n - 1 entries for n leaves, n a power of two.
    private(set) var nodes: [Node?]

    init(leaf: LeafNode) { nodes = [.leaf(leaf)] }

    /// From the ratchet_tree extension (RFC 9420, section 12.4.3.3).
    init(extensionData: [UInt8]) throws(MLSError) {
        var reader = TLSReader(extensionData)
        var room = 2 * Self.maximumLeaves - 1
        nodes = try reader.vector { (inner: inout TLSReader) throws(MLSError) in
            room -= 1
            guard room >= 0 else { throw .refused("ratchet tree is too large") }
            return try inner.optional { (node: inout TLSReader) throws(MLSError) -> Node in
                switch try node.uint8() {
                case 1: .leaf(try LeafNode(from: &node))
                case 2: .parent(try ParentNode(from: &node))
                default: throw .malformed("node type")
                }
            }
        }
        try reader.finish()
        guard let last = nodes.last, last != nil else { throw .malformed("ratchet tree is empty or ends in a blank") }
        for (index, node) in nodes.enumerated() {
            switch node {
            case .leaf where !TreeMath.isLeaf(index), .parent where TreeMath.isLeaf(index):
                throw .malformed("node of the wrong type at \(index)")
            default: break
            }
        }
        var leaves = 1
        while 2 * leaves - 1 < nodes.count { leaves *= 2 }
        nodes += Array(repeating: nil, count: 2 * leaves - 1 - nodes.count)
    }

    var extensionData: [UInt8] {
        let end = (nodes.lastIndex { $0 != nil } ?? -1) + 1
        return TLSWriter.build {
            $0.vector(nodes[..<end]) { writer, node in
                writer.optional(node) { writer, node in
                    switch node {
                    case .leaf(let leaf):
                        writer.uint8(1)
                        leaf.encode(to: &writer)
                    case .parent(let parent):
                        writer.uint8(2)
                        parent.encode(to: &writer)
                    }
                }
            }
        }
    }

    // MARK: Looking

    var leafCount: Int { (nodes.count + 1) / 2 }
    var root: Int { TreeMath.root(leaves: leafCount) }

    func leaf(_ index: Int) -> LeafNode? {
        guard index >= 0, index < leafCount, case .leaf(let leaf) = nodes[2 * index] else { return nil }
        return leaf
    }

    func parent(_ node: Int) -> ParentNode? {
        guard nodes.indices.contains(node), case .parent(let parent) = nodes[node] else { return nil }
        return parent
    }

    func publicKey(_ node: Int) -> [UInt8]? {
        switch nodes[node] {
        case .leaf(let leaf): leaf.encryptionKey
        case .parent(let parent): parent.encryptionKey
        case nil: nil
        }
    }

    /// Occupied leaves, by index.
    var members: [(index: Int, leaf: LeafNode)] {
        (0..<leafCount).compactMap { index in leaf(index).map { (index, $0) } }
    }

    /// RFC 9420, section 4.1.1.
    func resolution(_ node: Int) -> [Int] {
        switch nodes[node] {
        case .leaf: [node]
        case .parent(let parent): [node] + parent.unmergedLeaves.map { 2 * $0 }
        case nil: TreeMath.isLeaf(node) ? [] : resolution(TreeMath.left(node)) + resolution(TreeMath.right(node))
        }
    }

    /// RFC 9420, section 4.1.2: (node, copath child) pairs from the leaf up, without those whose copath child resolves
    /// to nothing.
    func filteredDirectPath(_ leaf: Int) -> [(node: Int, copath: Int)] {
        var child = 2 * leaf
        var path: [(Int, Int)] = []
        for node in TreeMath.directPath(child, leaves: leafCount) {
            let copath = TreeMath.sibling(child)
            if !resolution(copath).isEmpty { path.append((node, copath)) }
            child = node
        }
        return path
    }

    // MARK: Changing (RFC 9420, sections 7.7, 7.8 and 12.1)

    private mutating func blankPath(_ leaf: Int) {
        for node in TreeMath.directPath(2 * leaf, leaves: leafCount) { nodes[node] = nil }
    }

    /// Puts the leaf at the leftmost free place and returns its index.
    @discardableResult
    mutating func add(_ leaf: LeafNode) throws(MLSError) -> Int {
        var index = (0..<leafCount).first { nodes[2 * $0] == nil } ?? leafCount
        if index == leafCount {
            guard leafCount < Self.maximumLeaves else { throw .refused("group is full") }
            index = leafCount
            nodes += Array(repeating: nil, count: nodes.count + 1)
        }
        nodes[2 * index] = .leaf(leaf)
        for node in TreeMath.directPath(2 * index, leaves: leafCount) {
            guard case .parent(var parent) = nodes[node] else { continue }
            let place = parent.unmergedLeaves.firstIndex { $0 > index } ?? parent.unmergedLeaves.count
            parent.unmergedLeaves.insert(index, at: place)
            nodes[node] = .parent(parent)
        }
        return index
    }

    mutating func update(_ index: Int, _ leaf: LeafNode) {
        nodes[2 * index] = .leaf(leaf)
        blankPath(index)
    }

    mutating func remove(_ index: Int) {
        nodes[2 * index] = nil
        blankPath(index)
        while leafCount > 1, (leafCount / 2..<leafCount).allSatisfy({ nodes[2 * $0] == nil }) {
            nodes.removeLast(leafCount)
        }
    }

    mutating func set(_ node: Int, _ parent: ParentNode?) { nodes[node] = parent.map(Node.parent) }
    mutating func setLeaf(_ index: Int, _ leaf: LeafNode) { nodes[2 * index] = .leaf(leaf) }
    mutating func blankDirectPath(_ leaf: Int) { blankPath(leaf) }

    // MARK: Hashes (RFC 9420, sections 7.8 and 7.9)

    var treeHash: [UInt8] { hash(root, without: []) }
    func treeHash(_ node: Int) -> [UInt8] { hash(node, without: []) }

    /// Hash of a subtree, as it would be without some leaves.
    private func hash(_ node: Int, without leaves: Set<Int>) -> [UInt8] {
        let input = TLSWriter.build { writer in
            if TreeMath.isLeaf(node) {
                writer.uint8(1)
                writer.uint32(UInt32(node / 2))
                writer.optional(leaves.contains(node / 2) ? nil : leaf(node / 2)) { $1.encode(to: &$0) }
            } else {
                writer.uint8(2)
                var own = parent(node)
                own?.unmergedLeaves.removeAll { leaves.contains($0) }
                writer.optional(own) { $1.encode(to: &$0) }
                writer.opaque(hash(TreeMath.left(node), without: leaves))
                writer.opaque(hash(TreeMath.right(node), without: leaves))
            }
        }
        return Suite.hash(input)
    }

    /// What a child of `node` on a path must carry, where `sibling` is the other child.
    func parentHash(_ node: Int, sibling: Int) -> [UInt8] {
        guard let parent = parent(node) else { return [] }
        let unmerged = Set(parent.unmergedLeaves)
        return Suite.hash(
            TLSWriter.build {
                $0.opaque(parent.encryptionKey)
                $0.opaque(parent.parentHash)
                $0.opaque(hash(sibling, without: unmerged))
            })
    }
}
