import CTimmyBot
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// Tracks that are no files: what `opened` takes, and how the host treats a plugin's reader.
@Suite("Readers and pipes of plugins")
struct ReaderTests {
    private struct Rig {
        let scratch: Scratch
        let host: PluginHost
        let log = LogLines()
        let id = "test.r\(UInt32.random(in: 0 ... .max))"

        init() throws {
            scratch = try Scratch()
            host = makeHost(scratch, log: log)
            try build("1.0.0")
            try host.load("\(scratch.path)/reader.so")
        }

        func build(_ version: String) throws {
            let path = "\(scratch.path)/reader.so"
            try compile("reader.c", ["-DPLUGIN_ID=\"\(id)\"", "-DVERSION=\"\(version)\""], to: "\(path).new")
            try #require(rename("\(path).new", path) == 0)
        }

        var instance: PluginInstance { get throws { try #require(host.current(id)) } }

        func open(_ key: String) async throws -> any PluginSound {
            let media = try await #require(host.sources.first).open(key, startMilliseconds: 0)
            guard case .sound(let sound) = media else { throw Failed(description: "\(media)") }
            return sound
        }

        func tell(_ input: String) async throws {
            _ = try await #require(host.sources.first).resolve(input, limit: 1)
        }

        func logged(_ text: String) -> Int { log.all.count { $0 == "\(id): \(text)" } }
    }

    private static func read(_ sound: any PluginSound, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try bytes.withUnsafeMutableBytes { try sound.read(into: $0) }
        return Array(bytes[..<got])
    }

    /// Blocking work on a thread of its own, as the media engine has it.
    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async -> Result<
        Value, any Error
    > {
        await withCheckedContinuation { done in
            Thread.detachNewThread { done.resume(returning: Result { try body() }) }
        }
    }

    private static func pattern(_ range: Range<Int>) -> [UInt8] { range.map { UInt8(truncatingIfNeeded: $0 * 7) } }

    @Test(arguments: [("bytes", PluginSoundKind.container), ("pcm", .pcm), ("opus", .opusPackets)])
    func readSeekAndClose(_ name: String, _ kind: PluginSoundKind) async throws {
        let rig = try Rig()
        let sound = try await rig.open("\(name):plain")
        #expect(sound.kind == kind && sound.canSeek && !sound.arrives && !sound.beginsAtStart)
        #expect(sound.byteLength == (kind == .opusPackets ? nil : 1_000_000))
        #expect(try Self.read(sound, 100) == Self.pattern(0..<100))
        try sound.seek(to: 999_990)
        #expect(try Self.read(sound, 100) == Self.pattern(999_990..<1_000_000))
        #expect(try Self.read(sound, 100) == [])
        #expect(throws: PluginFailure.self) { try sound.seek(to: 1_000_001) }
        #expect(try rig.instance.sounds.count == 1)
        sound.close()
        sound.close()
        sound.interrupt()
        #expect(throws: PluginFailure.self) { try Self.read(sound, 1) }
        #expect(rig.logged("closed") == 1 && rig.logged("interrupted") == 0)
        #expect(try rig.instance.sounds.count == 0)
        await rig.host.close()
        #expect(rig.logged("destroyed 1.0.0") == 1)
    }

    @Test func whatItSaysAboutItselfIsKept() async throws {
        let rig = try Rig()
        let live = try await rig.open("bytes:live")
        #expect(!live.canSeek && live.byteLength == nil)
        #expect(throws: PluginFailure.self) { try live.seek(to: 0) }
        let begun = try await rig.open("pcm:begun")
        #expect(begun.beginsAtStart)
        live.close()
        begun.close()
        await rig.host.close()
    }

    @Test func aReaderThatLiesOrFailsIsReportedAndNotBelieved() async throws {
        let rig = try Rig()
        for (key, code) in [("bytes:greedy", TB_E_INVALID), ("bytes:broken", TB_E_IO)] {
            let sound = try await rig.open(key)
            let failure = #expect(throws: PluginFailure.self) { try Self.read(sound, 100) }
            #expect(failure?.code == code, "\(key)")
            sound.close()
        }
        #expect(rig.log.contains("gave 101 bytes where 100 fit"))
        #expect(rig.log.contains("its reader answered \(TB_E_IO)"))
        await rig.host.close()
    }

    @Test func whatTheHostDoesNotTakeStaysWithThePlugin() async throws {
        let rig = try Rig()
        await #expect(throws: PluginFailure.self) { _ = try await rig.open("bytes:empty") }
        #expect(rig.logged("refused \(TB_E_INVALID)") == 1)
        for kind in [0, 7, 4_000_000_000] {
            await #expect(throws: PluginFailure.self) { _ = try await rig.open("kind:\(kind)") }
        }
        #expect(rig.logged("refused \(TB_E_UNSUPPORTED)") == 3)
        let first = try await rig.open("bytes:twice")
        #expect(await eventually { rig.logged("second \(TB_E_STALE)") == 1 })
        #expect(try Self.read(first, 10) == Self.pattern(0..<10))
        #expect(try rig.instance.sounds.count == 1)
        first.close()
        #expect(rig.logged("closed") == 1)
        await rig.host.close()
    }

    @Test func interruptGetsABlockedReadBack() async throws {
        let rig = try Rig()
        let sound = try await rig.open("bytes:stuck")
        async let outcome = Self.onThread { try Self.read(sound, 10) }
        #expect(await eventually { rig.logged("reads") == 1 })
        sound.interrupt()
        sound.interrupt()
        guard case .failure = await outcome else {
            Issue.record("it read something")
            return
        }
        #expect(rig.logged("interrupted") == 1)
        sound.close()
        await rig.host.close()
    }

    /// What ends a reader frees its context, so that `interrupt` must be out of it by then, and not go in afterwards.
    @Test(arguments: [true, false]) func nothingEndsAReaderThatIsBeingInterrupted(_ closes: Bool) async throws {
        let rig = try Rig(), held = HeldReader()
        let reader = try #require(PluginReader(held.media, .container, of: rig.instance))
        Thread.detachNewThread { reader.interrupt() }
        #expect(await eventually { held.events == ["interrupt"] })
        Thread.detachNewThread {
            if closes { reader.close() } else { reader.disown() }
            held.note("ended")
        }
        #expect(await eventually { reader.isEnded })
        reader.interrupt()
        held.gate.signal()
        #expect(await eventually { held.events.last == "ended" })
        #expect(held.events == ["interrupt", "out of it"] + (closes ? ["close"] : []) + ["ended"])
        await rig.host.close()
    }

    @Test func whoLetsGoOfAReaderHasItClosed() async throws {
        let rig = try Rig()
        var sound: (any PluginSound)? = try await rig.open("bytes:plain")
        #expect(sound != nil)
        sound = nil
        #expect(await eventually { rig.logged("closed") == 1 })
        #expect(await eventually { (try? rig.instance.sounds.count) == 0 })
        await rig.host.close()
    }

    @Test func aReaderKeepsItsVersionUntilItIsClosed() async throws {
        let rig = try Rig()
        let old = try await rig.open("bytes:plain")
        try rig.build("2.0.0")
        _ = try await rig.host.reload(rig.id)
        // The new one proves itself.
        let new = try await rig.open("bytes:plain")
        #expect(await eventually { rig.host.retiring.count == 1 })
        #expect(try Self.read(old, 100) == Self.pattern(0..<100))
        #expect(rig.logged("stopped 1.0.0") == 0)
        old.close()
        #expect(await eventually { rig.logged("destroyed 1.0.0") == 1 })
        #expect(try Self.read(new, 100) == Self.pattern(0..<100))
        new.close()
        await rig.host.close()
    }

    @Test func stoppingInterruptsReadersAndDestroysNothingUnderTheirFeet() async throws {
        let rig = try Rig()
        let sound = try await rig.open("bytes:stuck"), deaf = try await rig.open("bytes:deaf")
        async let stuck = Self.onThread {
            defer { sound.close() }
            return try Self.read(sound, 10)
        }
        let thread = Thread {
            _ = try? Self.read(deaf, 10)
            deaf.close()
        }
        thread.start()
        #expect(await eventually { rig.logged("reads") == 2 })
        await rig.host.close()
        guard case .failure = await stuck else {
            Issue.record("it read something")
            return
        }
        #expect(rig.logged("stopped 1.0.0") == 1 && rig.logged("closed") == 1)
        #expect(rig.logged("destroyed 1.0.0") == 0)
        #expect(rig.log.contains("did not stop in time and is left as it is"))
    }

    // MARK: Pipes

    /// A host that has no use for a sound any more must not keep what was written of it.
    @Test(arguments: [true, false]) func aPipeThatNobodyTookEnds(_ finishesFirst: Bool) throws {
        let port = PipePort(plugin: "test")
        for _ in 0...PipePort.maximumOpen {
            let number = try port.create(.container, capacity: 4_096).get()
            let pipe = try #require(port.pipe(number))
            #expect([UInt8](repeating: 1, count: 100).withUnsafeBytes { pipe.write($0) } == 100)
            #expect(port.claim(number) === pipe)
            if finishesFirst { port.finish(number, TB_OK) }
            port.release(number)
            if !finishesFirst { port.finish(number, TB_OK) }
            #expect(port.openCount == 0)
        }
    }

    @Test func aPipeThatNobodyTookMayBeOfferedAgain() throws {
        let port = PipePort(plugin: "test")
        let number = try port.create(.container, capacity: 4_096).get()
        _ = [UInt8](repeating: 1, count: 100).withUnsafeBytes { port.pipe(number)?.write($0) }
        #expect(port.claim(number) != nil)
        port.release(number)
        let pipe = try #require(port.claim(number))
        port.finish(number, TB_OK)
        #expect(try Self.onceRead(pipe) == 100, "it is still played")
    }

    private static func onceRead(_ pipe: PluginPipe) throws -> Int {
        try withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { try pipe.read(into: $0) }
    }

    @Test func pipesHaveTheirRules() async throws {
        let rig = try Rig()
        try await rig.tell("pipes")
        let invalid = TB_E_INVALID
        #expect(rig.logged("bad \(invalid) \(invalid) \(invalid) \(invalid)") == 1)
        #expect(rig.logged("made 16") == 1)
        #expect(rig.logged("wrote 4096 0 \(TB_E_STALE) \(invalid)") == 1, "\(rig.log.all)")
        #expect(rig.logged("after \(TB_E_STALE)") == 1)
        #expect(try rig.instance.ports.pipes.openCount == 0)
        await rig.host.close()
    }

    @Test func whatIsPushedIsReadInOrderAndEndsWhenThePluginSaysSo() async throws {
        let rig = try Rig()
        let sound = try await rig.open("pipe:pcm")
        #expect(sound.kind == .pcm && sound.arrives && !sound.canSeek)
        try await rig.tell("push:abcd")
        try await rig.tell("push:efgh")
        #expect(String(decoding: try Self.read(sound, 3), as: UTF8.self) == "abc")
        #expect(String(decoding: try Self.read(sound, 100), as: UTF8.self) == "defgh")
        async let waiting = Self.onThread { try Self.read(sound, 100) }
        try await rig.tell("push:late")
        #expect(String(decoding: try await waiting.get(), as: UTF8.self) == "late")
        try await rig.tell("over")
        #expect(try Self.read(sound, 100) == [])
        sound.close()
        #expect(try rig.instance.ports.pipes.openCount == 0)
        await rig.host.close()
    }

    @Test func packetsStayWhole() async throws {
        let rig = try Rig()
        let sound = try await rig.open("pipe:opus")
        try await rig.tell("push:one")
        try await rig.tell("push:second")
        #expect(String(decoding: try Self.read(sound, 1_500), as: UTF8.self) == "one")
        #expect(String(decoding: try Self.read(sound, 1_500), as: UTF8.self) == "second")
        try await rig.tell("push:" + String(repeating: "x", count: 1_276))
        #expect(rig.logged("pushed \(TB_E_INVALID)") == 1)
        sound.close()
        await rig.host.close()
    }

    @Test func writingIsStaleOnceNobodyListens() async throws {
        let rig = try Rig()
        let sound = try await rig.open("pipe:pcm")
        async let waiting = Self.onThread { try Self.read(sound, 100) }
        sound.interrupt()
        guard case .failure = await waiting else {
            Issue.record("it read something")
            return
        }
        try await rig.tell("push:abcd")
        #expect(rig.logged("pushed \(TB_E_STALE)") == 1)
        sound.close()
        await rig.host.close()
    }
}

/// A reader of which `interrupt` comes back when the gate opens.
private final class HeldReader: Sendable {
    private let seen = Mutex<[String]>([])
    let gate = DispatchSemaphore(value: 0)

    var events: [String] { seen.withLock { $0 } }
    func note(_ event: String) { seen.withLock { $0.append(event) } }

    private static func of(_ context: UnsafeMutableRawPointer?) -> HeldReader? {
        context.map { Unmanaged<HeldReader>.fromOpaque($0).takeUnretainedValue() }
    }

    var media: tb_media_v1 {
        var media = tb_media_v1()
        media.kind = TB_MEDIA_BYTES
        media.byte_length = -1
        media.reader = tb_reader_v1(
            ctx: Unmanaged.passUnretained(self).toOpaque(), read: { _, _, _ in 0 }, seek: nil,
            interrupt: { context in
                let held = HeldReader.of(context)
                held?.note("interrupt")
                held?.gate.wait()
                held?.note("out of it")
            }, close: { HeldReader.of($0)?.note("close") })
        return media
    }
}
