import Files
import Foundation
import TimmyCore

/// One guild's state on the disk, in two files.
///
/// `<id>.json` has everything and is on the disk before a change is answered. `<id>.position` has only what moves by
/// itself, is small, and is written every few seconds without waiting for the disk. It names the revision of the first
/// that it belongs to, so one that is left from an earlier track says nothing.
struct GuildFile: Sendable {
    /// 10,000 tracks with long names are some 20 MB.
    static let limit = 128 << 20

    struct State: Sendable {
        var record: GuildRecord
        var revision: UInt64
    }

    private struct Stored: Codable {
        var revision: UInt64?
        var queue: Queue
        var playback: PlaybackRecord
    }

    private struct Position: Codable {
        var revision: UInt64
        var playback: PlaybackRecord
    }

    struct Damaged: Error {
        /// Where the file is now.
        let keptAs: String
    }

    let path: String
    private var positionPath: String { (path as NSString).deletingPathExtension + ".position" }

    init(_ guild: GuildID, in directory: String) { path = "\(directory)/\(guild).json" }

    /// Nil where there is nothing. Throws `Damaged` where it cannot be understood, and has put it aside then; a
    /// `FileError` where it cannot be read now and may be later.
    func load() throws -> State? {
        guard let data = try DurableFile.read(path, limit: Self.limit) else { return nil }
        guard let stored = try? JSONDecoder().decode(Stored.self, from: data) else {
            let aside = "\(path).damaged-\(Int(Date().timeIntervalSince1970))"
            try DurableFile.move(path, to: aside)
            throw Damaged(keptAs: aside)
        }
        var state = State(
            record: GuildRecord(queue: stored.queue, playback: stored.playback), revision: stored.revision ?? 0)
        // The position is worth a few seconds: where it cannot be had, the record's own serves.
        if let data = try? DurableFile.read(positionPath, limit: 1 << 16),
            let position = try? JSONDecoder().decode(Position.self, from: data), position.revision == state.revision
        {
            state.record.playback = position.playback
        }
        return state
    }

    /// Stores `record` as the next revision and returns it.
    func store(_ record: GuildRecord, after revision: UInt64) throws -> State {
        // Random, so that a position file of a forgotten guild never fits by chance.
        var next = UInt64.random(in: 1...(.max))
        if next == revision { next ^= 1 << 63 }
        let stored = Stored(revision: next, queue: record.queue, playback: record.playback)
        try DurableFile.write(try JSONEncoder().encode(stored), to: path, durable: true)
        return State(record: record, revision: next)
    }

    func checkpoint(_ playback: PlaybackRecord, of revision: UInt64) throws {
        let position = Position(revision: revision, playback: playback)
        try DurableFile.write(try JSONEncoder().encode(position), to: positionPath)
    }

    func forget() throws {
        try DurableFile.remove(path)
        try DurableFile.remove(positionPath)
    }
}
