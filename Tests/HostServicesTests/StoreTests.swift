import CTimmyBot
import Foundation
import Glibc
import Logging
import PluginHost
import Synchronization
import TestSupport
import Testing

@testable import HostServices

/// What plugins keep: quota, file, restart, and every way in which a disk can fail.
@Suite("The file store")
struct StoreTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Real files, counted, that can be told to fail.
    private final class Files: FileKeeping {
        let state = Mutex<(writes: Int, failure: Int32, readFailure: Int32)>((0, 0, 0))
        private let real = DurableFiles()

        func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8]? {
            let failure = state.withLock { $0.readFailure }
            guard failure == 0 else { throw FileFailure(path: path, number: failure) }
            return try real.read(path, limit: limit)
        }
        func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure) {
            let failure = state.withLock { state in
                state.writes += 1
                return state.failure
            }
            guard failure == 0 else { throw FileFailure(path: path, number: failure) }
            try real.replace(path, with: bytes)
        }
        func putAside(_ path: String) throws(FileFailure) -> String { try real.putAside(path) }
    }

    private let scratch: Scratch
    private let files = Files()
    private let lines = LogLines(.trace)

    init() throws { scratch = try Scratch() }

    private func store() -> FileStore {
        FileStore(directory: scratch.file("store"), files: files, logger: lines.logger)
    }

    private func perform(
        _ store: FileStore, _ operation: StoreOperation, plugin: String = "test.a"
    ) async -> Result<StoreAnswer, PluginFailure> {
        await withCheckedContinuation { continuation in
            store.perform(operation, for: plugin) { continuation.resume(returning: $0) }
        }
    }

    private func code(_ result: Result<StoreAnswer, PluginFailure>) -> Int32 {
        if case .failure(let failure) = result { failure.code } else { TB_OK }
    }

    @Test func valuesSurviveARestartAndBelongToTheirPlugin() async throws {
        let first = store()
        #expect(await perform(first, .set([1], [10, 20])) == .success(StoreAnswer(isFound: false)))
        #expect(await perform(first, .set([2], [])) == .success(StoreAnswer(isFound: false)))
        #expect(await perform(first, .set([1], [30])) == .success(StoreAnswer(isFound: true)))
        #expect(await perform(first, .remove([2])) == .success(StoreAnswer(isFound: true)))
        #expect(await perform(first, .remove([2])) == .success(StoreAnswer(isFound: false)))
        let second = store()
        #expect(await perform(second, .get([1])) == .success(StoreAnswer(isFound: true, value: [30])))
        #expect(await perform(second, .get([2])) == .success(StoreAnswer(isFound: false)))
        #expect(await perform(second, .keys(prefix: [])) == .success(StoreAnswer(isFound: true, keys: [[1]])))
        #expect(await perform(second, .get([1]), plugin: "test.b") == .success(StoreAnswer(isFound: false)))
        var status = stat()
        #expect(stat(scratch.file("store/test.a.store"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("store")) == ["test.a.store"])
    }

    @Test func doneComesWhenItIsOnTheDisk() async throws {
        let store = store()
        for value in 0..<20 as Range<UInt8> {
            _ = await perform(store, .set([1], [value]))
            let bytes = try #require(try files.read(scratch.file("store/test.a.store"), limit: 1 << 20))
            let table = try #require(StoreTable(decoding: bytes))
            #expect(table.entries == [[1]: [value]])
        }
        let writes = files.state.withLock { $0.writes }
        _ = await perform(store, .set([1], [19]))
        _ = await perform(store, .get([1]))
        _ = await perform(store, .remove([9]))
        #expect(files.state.withLock { $0.writes } == writes, "what changes nothing writes nothing")
    }

    @Test func orderIsKeptAndWaitingWritesGoTogether() async {
        let store = store()
        let seen = Mutex<[UInt8]>([])
        await withCheckedContinuation { continuation in
            for value in 0..<200 as Range<UInt8> {
                store.perform(.set([1], [value]), for: "test.a") { _ in }
                store.perform(.get([1]), for: "test.a") { result in
                    if case .success(let answer) = result { seen.withLock { $0 += answer.value } }
                    if value == 199 { continuation.resume() }
                }
            }
        }
        #expect(seen.withLock { $0 } == Array(0..<200))
        #expect(files.state.withLock { $0.writes } <= 200)
    }

    @Test func theQuotaHolds() async {
        let store = store()
        let big = [UInt8](repeating: 0, count: 65_536)
        for key in 0..<15 as Range<UInt8> { #expect(code(await perform(store, .set([key], big))) == TB_OK) }
        // 15 * 65537 bytes are used; this leaves one byte less than the sixteenth needs.
        #expect(code(await perform(store, .set([15], big))) == TB_E_RATE_LIMIT)
        #expect(code(await perform(store, .set([15], Array(big.dropLast(16))))) == TB_OK)
        #expect(code(await perform(store, .set([16], []))) == TB_E_RATE_LIMIT)
        #expect(code(await perform(store, .set([3], [1]))) == TB_OK, "smaller always fits")
        #expect(code(await perform(store, .set([16], []))) == TB_OK)
        #expect(code(await perform(store, .set([17], big + [0]))) == TB_E_INVALID)
        #expect(code(await perform(store, .set([], [1]))) == TB_E_INVALID)
        for number in 0..<1_024 { _ = await perform(store, .set(Self.bytes("\(number)"), []), plugin: "test.many") }
        #expect(code(await perform(store, .set(Self.bytes("x"), []), plugin: "test.many")) == TB_E_RATE_LIMIT)
        #expect(code(await perform(store, .set(Self.bytes("5"), [1]), plugin: "test.many")) == TB_OK)
    }

    @Test func aFullDiskChangesNothing() async throws {
        let store = store()
        _ = await perform(store, .set([1], [1]))
        files.state.withLock { $0.failure = ENOSPC }
        #expect(code(await perform(store, .set([1], [2]))) == TB_E_IO)
        #expect(code(await perform(store, .remove([1]))) == TB_E_IO)
        #expect(await perform(store, .get([1])) == .success(StoreAnswer(isFound: true, value: [1])))
        #expect(lines.text.contains("No space left"))
        files.state.withLock { $0.failure = 0 }
        #expect(code(await perform(store, .set([1], [3]))) == TB_OK)
        #expect(await perform(self.store(), .get([1])) == .success(StoreAnswer(isFound: true, value: [3])))
    }

    /// The kernel's own full disk, seen by the real writer.
    @Test func theWriterSeesTheKernelsFullDisk() throws {
        let path = scratch.file("kept")
        try DurableFiles().replace(path, with: [1, 2, 3])
        let full = DurableFiles { _ in open("/dev/full", O_WRONLY | O_CLOEXEC) }
        #expect(throws: FileFailure(path: path + ".new", number: ENOSPC)) {
            try full.replace(path, with: [UInt8](repeating: 0, count: 100_000))
        }
        #expect(try DurableFiles().read(path, limit: 10) == [1, 2, 3])
        #expect(throws: FileFailure(path: path, number: EFBIG)) { try DurableFiles().read(path, limit: 2) }
    }

    @Test func aPlaceThatIsNoFolder() async throws {
        try Data("in the way".utf8).write(to: URL(fileURLWithPath: scratch.file("store")))
        #expect(code(await perform(store(), .set([1], [2]))) == TB_E_IO)
    }

    @Test func aDamagedFileIsPutAside() async throws {
        let first = store()
        for round in 0..<3 {
            _ = await perform(first, .set([1], [UInt8(round) + 100]), plugin: "test.r\(round)")
            let path = scratch.file("store/test.r\(round).store")
            var bytes = try #require(try files.read(path, limit: 1 << 20))
            switch round {
            case 0: bytes[14] ^= 1
            case 1: bytes.removeLast()
            default: bytes = [UInt8](repeating: 7, count: StoreTable.maximumFile + 1)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let second = store()
            #expect(await perform(second, .get([1]), plugin: "test.r\(round)") == .success(StoreAnswer(isFound: false)))
            #expect(try files.read(path + ".damaged", limit: 4 << 20) == bytes)
            #expect(code(await perform(second, .set([1], [1]), plugin: "test.r\(round)")) == TB_OK)
        }
        #expect(lines.text.contains("damaged"))
    }

    @Test func aFileThatCannotBeReadIsNotTakenForADamagedOne() async {
        let first = store()
        _ = await perform(first, .set([1], [5]))
        let second = store()
        files.state.withLock { $0.readFailure = EIO }
        #expect(code(await perform(second, .get([1]))) == TB_E_IO)
        #expect(code(await perform(second, .set([1], [6]))) == TB_E_IO, "it must not be overwritten")
        files.state.withLock { $0.readFailure = 0 }
        #expect(await perform(second, .get([1])) == .success(StoreAnswer(isFound: true, value: [5])))
    }

    /// Every cut and every flipped bit is seen.
    @Test func theFormatIsStrict() throws {
        var table = StoreTable()
        _ = try table.apply(.set(Self.bytes("key"), [1, 2, 3]))
        _ = try table.apply(.set(Self.bytes("ä"), []))
        let bytes = table.encoded()
        #expect(StoreTable(decoding: bytes) == table)
        for length in 0..<bytes.count { #expect(StoreTable(decoding: Array(bytes.prefix(length))) == nil) }
        for place in bytes.indices {
            var bent = bytes
            bent[place] ^= 0x40
            #expect(StoreTable(decoding: bent) == nil)
        }
        #expect(StoreTable(decoding: bytes + [0]) == nil)
    }
}
