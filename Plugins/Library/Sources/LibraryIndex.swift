import Glibc
import TimmyKit

/// What the folder holds. Files are described once, by the host's worker, and again when they change.
actor LibraryIndex {
    struct Entry: Sendable {
        let file: Folder.File
        let track: Track
        let words: SearchText
    }

    /// Seconds between two looks at the folder.
    private let freshness: Int64

    private let host: Host
    private let path: String
    private var folder: Folder?
    private var entries: [String: Entry] = [:]
    /// What could not be described; looked at again when it has changed.
    private var passedOver: Set<Folder.File> = []
    private var scannedAt: Int64 = -1
    private var isScanning = false
    private var hasLooked = false
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waiterCount = 0
    /// How long a search waits for the first look at the folder; a big one goes on meanwhile.
    private static let patience = Duration.milliseconds(1_200)

    init(host: Host, path: String, freshness: Int64) {
        self.host = host
        self.path = path
        self.freshness = freshness
    }

    func entry(_ key: String) -> Entry? { entries[key] }

    func open(_ key: String) -> Int32? {
        folder = folder ?? Folder(path: path)
        return folder?.openFile(key)
    }

    func search(_ query: String, limit: Int) -> [Track] {
        let wanted = SearchText(query)
        guard !wanted.words.isEmpty else { return [] }
        return entries.values.map { (score: wanted.score(in: $0.words), entry: $0) }.filter { $0.score > 0.3 }
            .sorted { ($0.score, $1.entry.file.path) > ($1.score, $0.entry.file.path) }.prefix(limit).map(\.entry.track)
    }

    /// Takes in what has changed in the folder. Until the first look has ended, waits for it, but not for long.
    func refresh() async {
        look()
        if !hasLooked { await firstLook() }
    }

    /// Begins to look at the folder, unless that was done a moment ago.
    func look() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        if !isScanning, scannedAt < 0 || Int64(now.tv_sec) - scannedAt >= freshness {
            scannedAt = Int64(now.tv_sec)
            isScanning = true
            // Ends with the plugin; a search that asked for it does not wait for all of it.
            host.background { await self.scan() }
        }
    }

    private func firstLook() async {
        waiterCount += 1
        let id = waiterCount
        await withCheckedContinuation { continuation in
            waiters[id] = continuation
            let patience = host.background {
                try? await Task.sleep(for: Self.patience)
                await self.wake(id)
            }
            // No work begins any more after the stop.
            if !patience.hasBegun { wake(id) }
        }
    }

    private func wake(_ id: Int) { waiters.removeValue(forKey: id)?.resume() }

    private func scan() async {
        folder = Folder(path: path)
        let files = folder?.files() ?? []
        let present = Set(files.map(\.path))
        entries = entries.filter { present.contains($0.key) }
        passedOver.formIntersection(files)
        for file in files where entries[file.path]?.file != file && !passedOver.contains(file) {
            if Task.isCancelled { break }
            entries[file.path] = await describe(file)
        }
        isScanning = false
        hasLooked = true
        for id in waiters.keys { wake(id) }
    }

    private func describe(_ file: Folder.File) async -> Entry? {
        guard let descriptor = folder?.openFile(file.path) else { return nil }
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        do {
            let probed = try await host.probe(descriptor: descriptor)
            var track = Track(
                key: file.path, title: probed.title.isEmpty ? stem : probed.title, artist: probed.artist,
                durationMilliseconds: probed.durationMilliseconds)
            track.hasArtwork = !probed.artwork.isEmpty
            let words = SearchText("\(track.title) \(track.artist) \(probed.album) \(stem)")
            return Entry(file: file, track: track, words: words)
        } catch {
            host.log(.info, "library: \(file.path) is passed over: \(error.detail)")
            // Anything else is trouble of the host's, and says nothing about the file.
            if error.code == .unavailable { passedOver.insert(file) }
            return nil
        }
    }
}

/// Text made comparable: lower case, words, and their pairs of letters for typing errors.
struct SearchText: Sendable {
    let words: [String]
    private let pairs: [Set<Int>]

    init(_ text: String) {
        let folded = text.prefix(400).lowercased()
        words = Array(folded.split { !$0.isLetter && !$0.isNumber }.map(String.init).prefix(40))
        pairs = words.map { word in
            let bytes = Array(word.utf8)
            return Set(zip(bytes, bytes.dropFirst()).map { Int($0) << 8 | Int($1) })
        }
    }

    /// 0 to 1: how much of this text is found in `other`, the mean over our words of their best match.
    func score(in other: SearchText) -> Double {
        guard !words.isEmpty else { return 0 }
        let total = words.indices.reduce(0.0) { sum, mine in
            sum + (other.words.indices.map { likeness(mine, other, $0) }.max() ?? 0)
        }
        return total / Double(words.count)
    }

    private func likeness(_ mine: Int, _ other: SearchText, _ theirs: Int) -> Double {
        let word = words[mine], target = other.words[theirs]
        if word == target { return 1 }
        if target.hasPrefix(word) { return 0.9 }
        if word.utf8.count >= 3, target.contains(word) { return 0.7 }
        let shared = pairs[mine].intersection(other.pairs[theirs]).count
        let likeness = 2 * Double(shared) / Double(max(1, pairs[mine].count + other.pairs[theirs].count))
        return likeness >= 0.5 ? 0.75 * likeness : 0
    }
}
