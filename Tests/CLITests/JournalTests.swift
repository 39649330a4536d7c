import Files
import Foundation
import Testing

@testable import Bot
@testable import TimmyCore

/// The journal on a real disk, with what disks do.
@Suite("File journal", .timeLimit(.minutes(5)))
struct JournalTests {
    private let scratch: Scratch
    private let journal: FileJournal
    private let guild = GuildID(7 << 22)

    init() throws {
        scratch = try Scratch()
        journal = try FileJournal(directory: scratch.path)
    }

    private func path(_ ending: String, of guild: GuildID? = nil) -> String {
        "\(scratch.path)/\(guild ?? self.guild).\(ending)"
    }

    private func bytes(_ ending: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path(ending)))
    }

    private static func queue(_ titles: [String]) -> Queue {
        var queue = Queue()
        let entries = titles.map { title in
            QueuedTrack(
                id: queue.mint(), track: Track(source: "test", key: title, title: title), requestedBy: UserID(1),
                addedAt: Timestamp(milliseconds: 0))
        }
        queue.apply(.insert(entries, at: 0))
        return queue
    }

    private func add(_ titles: String..., to guild: GuildID? = nil, at position: Int64 = 0) async throws {
        try await journal.append(
            JournalEntry(
                guild: guild ?? self.guild, change: .replace(Self.queue(titles)),
                playback: PlaybackRecord(positionMilliseconds: position), isCheckpoint: false))
    }

    private func checkpoint(_ position: Int64) async throws {
        try await journal.append(
            JournalEntry(
                guild: guild, change: .edits([]), playback: PlaybackRecord(positionMilliseconds: position),
                isCheckpoint: true))
    }

    /// As after a restart.
    private func reread() async throws -> GuildRecord? {
        try await FileJournal(directory: scratch.path).load(guild)
    }

    private func titles(_ record: GuildRecord?) -> [String]? { record?.queue.upcoming.map(\.track.title) }

    // MARK: Positions

    @Test func aPositionLeavesTheQueueFileAlone() async throws {
        try await add("one", "two")
        let before = try bytes("json")
        for position in stride(from: Int64(2_000), through: 20_000, by: 2_000) { try await checkpoint(position) }
        #expect(try bytes("json") == before)
        #expect(try bytes("position").count < 500)
        let record = try await reread()
        #expect(titles(record) == ["one", "two"] && record?.playback.positionMilliseconds == 20_000)
    }

    @Test func aPositionOfAnEarlierTrackIsNotTaken() async throws {
        try await add("one", "two")
        try await checkpoint(90_000)
        let stale = try bytes("position")
        try await add("two")
        try stale.write(to: URL(fileURLWithPath: path("position")))
        let record = try await reread()
        #expect(titles(record) == ["two"] && record?.playback.positionMilliseconds == 0)
    }

    @Test func aTornPositionCostsThePositionOnly() async throws {
        try await add("one", at: 5_000)
        try await checkpoint(90_000)
        try bytes("position").prefix(20).write(to: URL(fileURLWithPath: path("position")))
        let record = try await reread()
        #expect(titles(record) == ["one"] && record?.playback.positionMilliseconds == 5_000)
    }

    @Test func recordsOfEarlierVersionsAreRead() async throws {
        let old = try JSONEncoder().encode(
            GuildRecord(queue: Self.queue(["old"]), playback: PlaybackRecord(positionMilliseconds: 7)))
        try old.write(to: URL(fileURLWithPath: path("json")))
        #expect(try await journal.load(guild) == JSONDecoder().decode(GuildRecord.self, from: old))
        try await checkpoint(9_000)
        #expect(titles(try await reread()) == ["old"])
        #expect(try await reread()?.playback.positionMilliseconds == 9_000)
    }

    @Test func forgettingLeavesNothing() async throws {
        try await add("one")
        try await checkpoint(1_000)
        #expect(FileManager.default.fileExists(atPath: path("json")))
        try await journal.forget(guild)
        try await journal.forget(guild)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
        #expect(try await journal.load(guild) == nil)
    }

    // MARK: Trouble

    @Test func whatCannotBeUnderstoodIsPutAside() async throws {
        try Data("{\"queue\":".utf8).write(to: URL(fileURLWithPath: path("json")))
        #expect(try await journal.load(guild) == nil)
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(names.count == 1 && names[0].hasPrefix("\(guild).json.damaged-"))
        try await add("one")
        #expect(titles(try await reread()) == ["one"])
    }

    /// Trouble of the moment (no descriptors, no permission, a broken mount) is no damage: the file stays where it is.
    @Test func whatCannotBeReadNowStaysWhereItIs() async throws {
        try FileManager.default.createSymbolicLink(
            atPath: path("json"), withDestinationPath: path("json"))  // ELOOP
        await #expect(throws: PlayerError.self) { try await journal.load(guild) }
        await #expect(throws: PlayerError.self) { try await add("one") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["\(guild).json"])
        try FileManager.default.removeItem(atPath: path("json"))
        try await add("one")
        #expect(titles(try await reread()) == ["one"])
    }

    /// The kernel's own full disk, behind the name that the journal writes to first.
    @Test(arguments: ["json", "position"])
    func aFullDiskLosesNothing(_ file: String) async throws {
        try await add("one", at: 3)
        try await checkpoint(4)
        try FileManager.default.createSymbolicLink(atPath: path(file) + ".new", withDestinationPath: "/dev/full")
        do {
            if file == "json" { try await add("one", "two") } else { try await checkpoint(5) }
            Issue.record("a full disk took it")
        } catch let error as PlayerError {
            #expect(error.code == .journalFailed && error.userMessage?.contains("could not save") == true)
            #expect("\(error)".contains("No space left on device"), "\(error)")
        }
        let record = try await reread()
        #expect(titles(record) == ["one"] && record?.playback.positionMilliseconds == 4)
        #expect(try await journal.load(guild) == record)
        try await add("one", "two")
        #expect(titles(try await reread()) == ["one", "two"])
    }

    /// A guild whose disk hangs holds up nobody of another thread.
    @Test func guildsDoNotWaitForEachOther() async throws {
        mkfifo(path("json") + ".new", 0o600)
        let other = GuildID(8 << 22)
        let stuck = Task { try await add("one") }
        try await add("two", to: other)
        #expect(try await FileJournal(directory: scratch.path).load(other)?.queue.upcoming.count == 1)
        // The pipe opens once somebody reads from it; it cannot be synced, so the write is refused.
        let reader = open(path("json") + ".new", O_RDONLY)
        await #expect(throws: PlayerError.self) { try await stuck.value }
        close(reader)
        #expect(!FileManager.default.fileExists(atPath: path("json")))
    }

    @Test func aDeviceIsWrittenToAndNotReplaced() throws {
        try DurableFile.write(Data("x".utf8), to: "/dev/null")
        #expect(throws: FileError.self) { try DurableFile.write(Data("x".utf8), to: "/dev/full") }
        var status = stat()
        #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    // MARK: Fairness

    /// A long queue takes long to write; whoever changes it all the time holds up nobody else.
    @Test func aLongQueueHoldsUpNobodyElse() async throws {
        let long = GuildID(4 << 22), others = (2...9).map { GuildID($0 << 24) }
        let titles = (0..<FileJournal.longQueue).map { "\($0)" }
        func change() -> JournalEntry {
            JournalEntry(
                guild: long, change: .replace(Self.queue(titles)), playback: PlaybackRecord(), isCheckpoint: false)
        }
        try await journal.append(change())
        // Writing to this takes for ever, until it is read.
        let record = path("json", of: long)
        try FileManager.default.removeItem(atPath: record)
        try #require(mkfifo(record, 0o600) == 0)
        let writing = Task { [journal, entry = change()] in try await journal.append(entry) }
        for guild in others { try await add("one", to: guild) }
        let reader = Task.detached { try DurableFile.read(record, limit: 1 << 24) }
        try await writing.value
        #expect(try await reader.value?.isEmpty == false)
    }
}
