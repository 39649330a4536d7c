import Foundation
import Glibc
import PluginStore
import Testing

/// What `timmybot plugin try` goes by.
@Suite("Watching a file")
struct FileWatchTests {
    private let scratch: Scratch
    private let path: String

    init() throws {
        scratch = try Scratch()
        path = "\(scratch.path)/mine.so"
        try write("one")
    }

    private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    private var stamp: FileWatch.Stamp? { FileWatch.Stamp(path) }

    /// What each look finds, one after the other.
    private func looks(_ watch: inout FileWatch, _ count: Int) -> [Bool] {
        (0..<count).map { _ in watch.hasChanged(to: stamp) }
    }

    @Test func aFileThatStaysIsNoChange() throws {
        var watch = FileWatch(stamp)
        #expect(looks(&watch, 3) == [false, false, false])
    }

    /// A linker writes for a while: only what is the same twice is taken, and that once.
    @Test func aChangeIsToldOnceTheFileIsQuiet() throws {
        var watch = FileWatch(stamp)
        try write("another")
        #expect(looks(&watch, 1) == [false])
        try write("another that goes on")
        #expect(looks(&watch, 3) == [false, true, false])
    }

    /// `mv new.so mine.so`, of the same size and time.
    @Test func anotherFileInItsPlaceIsAChange() throws {
        var watch = FileWatch(stamp)
        var facts = stat()
        try #require(lstat(path, &facts) == 0)
        let other = "\(scratch.path)/other.so"
        try Data("two".utf8).write(to: URL(fileURLWithPath: other))
        try #require(utimensat(AT_FDCWD, other, [facts.st_mtim, facts.st_mtim], 0) == 0 && rename(other, path) == 0)
        #expect(looks(&watch, 3) == [false, true, false])
    }

    @Test func whatIsGoneIsWaitedFor() throws {
        var watch = FileWatch(stamp)
        unlink(path)
        #expect(looks(&watch, 2) == [false, false])
        try write("back")
        #expect(looks(&watch, 3) == [false, true, false])
    }
}
