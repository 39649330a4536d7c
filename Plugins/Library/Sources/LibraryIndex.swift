import Glibc
import Synchronization
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
    /// What is in the folder. A search goes through the copy that it took, on its caller's time.
    private let shelf = Mutex<[String: Entry]>([:])
    /// Everything that was described. What is gone stays for a while: a disk that was away need not be described again.
    private var described: [String: Entry] = [:]
    /// What could not be described; looked at again when it has changed.
    private var passedOver: Set<Folder.File> = []
    /// Looks at the folder and opens what is to be described.
    private let looker = FileThread()
    /// Opens what is to be played, which must not wait for a look.
    private let opener = FileThread()
    /// Seconds of the steady clock before which no look begins.
    private var restsUntil: Int64 = .min
    private var isScanning = false
    private var hasLooked = false
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waiterCount = 0
    /// Entries that a search looks at before it lets others have the thread.
    private static let stride = 2_048
    /// A folder that takes long to look at is looked at less often: it rests this many times as long.
    private static let rest: Int64 = 10
    /// How long a search waits for the first look at the folder; a big one goes on meanwhile.
    private static let patience = Duration.milliseconds(1_200)

    init(host: Host, path: String, freshness: Int64) {
        self.host = host
        self.path = path
        self.freshness = freshness
    }

    nonisolated func entry(_ key: String) -> Entry? { shelf.withLock { $0[key] } }

    /// A descriptor that the caller closes; nil where there is no such file.
    nonisolated func open(_ key: String) async -> Int32? {
        await opener.run { [path] in Folder(path: path)?.openFile(key) } ?? nil
    }

    /// The best first. Throws where nobody waits for it any more.
    nonisolated func search(_ query: String, limit: Int) async throws -> [Track] {
        let wanted = SearchText(query)
        guard !wanted.isEmpty else { return [] }
        var best = Best<Track>(limit), looked = 0
        for entry in shelf.withLock({ $0 }).values {
            looked += 1
            if looked % Self.stride == 0 {
                try Task.checkCancellation()
                await Task.yield()
            }
            let score = wanted.score(in: entry.words)
            if score > 0.3 { best.add(entry.track, score: score, path: entry.file.path) }
        }
        return best.items
    }

    /// Waits for what is being done with the disk. Once, last.
    nonisolated func stop() {
        looker.stop()
        opener.stop()
    }

    /// Takes in what has changed in the folder. Until the first look has ended, waits for it, but not for long.
    func refresh() async {
        look()
        if !hasLooked { await firstLook() }
    }

    /// Begins to look at the folder, unless that was done a moment ago.
    func look() {
        let now = Self.now
        guard !isScanning, now >= restsUntil else { return }
        restsUntil = now + freshness
        isScanning = true
        // Ends with the plugin; a search that asked for it does not wait for all of it.
        host.background { await self.scan() }
    }

    /// Seconds of the steady clock.
    private static var now: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec)
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
        let began = Self.now
        let look = await looker.run { [path, described, passedOver, looker] in
            Look(path, described, passedOver) { !looker.hasStopped }
        }
        restsUntil = max(restsUntil, Self.now + Self.rest * (Self.now - began))
        // A folder that cannot be opened keeps what it held: its disk comes back.
        if case let look?? = look { await take(look) }
        isScanning = false
        hasLooked = true
        for id in waiters.keys { wake(id) }
    }

    private func take(_ look: Look) async {
        shelf.withLock { $0 = look.present }
        if described.count > Folder.maximumFiles { described = look.present }
        if passedOver.count > Folder.maximumFiles { passedOver = [] }
        for file in look.unknown {
            if Task.isCancelled { break }
            let entry = await describe(file, in: look.folder)
            described[file.path] = entry
            shelf.withLock { $0[file.path] = entry }
        }
    }

    private func describe(_ file: Folder.File, in folder: Folder) async -> Entry? {
        guard case let descriptor?? = await looker.run({ folder.openFile(file.path) }) else { return nil }
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

/// What one look at the folder came to. Made on the thread that looks: with many files, comparing takes a while too.
private struct Look: Sendable {
    let folder: Folder
    /// Of what was described before, what is there now; where a file has changed, as it was.
    let present: [String: LibraryIndex.Entry]
    /// What is to be described.
    let unknown: [Folder.File]

    /// Nil where the folder cannot be opened, or `goesOn` says that nobody wants to know.
    init?(
        _ path: String, _ described: [String: LibraryIndex.Entry], _ passedOver: Set<Folder.File>,
        while goesOn: () -> Bool
    ) {
        guard let folder = Folder(path: path) else { return nil }
        let files = folder.files(while: goesOn)
        guard goesOn() else { return nil }
        self.folder = folder
        var present: [String: LibraryIndex.Entry] = [:]
        for file in files { present[file.path] = described[file.path] }
        self.present = present
        unknown = files.filter { described[$0.path]?.file != $0 && !passedOver.contains($0) }
    }
}
