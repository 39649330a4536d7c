import CLinux
import Foundation
import Glibc
import MediaWire
import TestSupport
import Testing

@testable import Media

/// Files that are broken, lie, or are none: an error or what can be played of them, and the next file plays.
@Suite("Hostile media", .serialized)
struct HostileTests {
    private func memory(_ bytes: [UInt8]) throws -> MediaFile {
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).media"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        return try openFile(path)
    }

    /// Plays and probes, up to some seconds of sound.
    private func feed(_ bytes: [UInt8], to engine: MediaEngine) async throws -> MediaError? {
        _ = try? await engine.probe(memory(bytes))
        do {
            let puller = Puller(try await engine.open(memory(bytes), options: StreamOptions()))
            try await puller.pull(300)
            #expect(puller.outcome != .corrupt)
            await puller.stream.close()
            return nil
        } catch let error as MediaError {
            #expect(!error.detail.isEmpty)
            return error
        }
    }

    private func expectWell(_ engine: MediaEngine) async throws {
        let puller = try await play(engine, try await Songs.shared.path("morning-train.opus"))
        #expect(try await puller.pull(50).count == 50)
    }

    @Test func whatIsNoMusic() async throws {
        let engine = makeEngine()
        var noise = SystemRandomNumberGenerator()
        let files: [[UInt8]] = [
            [], [0], Array("This is a text, whatever its name says.\n".utf8), Array(repeating: 0, count: 100_000),
            Array(repeating: 0xFF, count: 100_000), Array("OggS".utf8), Array("fLaC".utf8), Array("ID3".utf8),
            (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &noise) },
            Array("RIFF\u{7F}\u{7F}\u{7F}\u{7F}WAVEfmt ".utf8),
            Array("#EXTM3U\nhttp://127.0.0.1:1/x\nfile:///etc/passwd\n".utf8),
            Array("ffconcat version 1.0\nfile /etc/passwd\n".utf8),
        ]
        for bytes in files { #expect(try await feed(bytes, to: engine) != nil, "\(bytes.prefix(8))") }
        try await expectWell(engine)
        #expect(await engine.restarts == 0)
        await engine.shutdown()
    }

    @Test func foldersPipesAndClosedDescriptors() async throws {
        let engine = makeEngine { $0.inputLimit = 700 }
        for path in ["/tmp", "/dev/null", "/proc/self/maps"] {
            await #expect(throws: MediaError.self) {
                _ = try await engine.open(openFile(path), options: StreamOptions())
            }
        }
        // Nobody writes to this pipe: it must not hold the worker up for long.
        var pipe: [Int32] = [-1, -1]
        #expect(Glibc.pipe(&pipe) == 0)
        await #expect(throws: MediaError.self) {
            _ = try await engine.open(MediaFile(descriptor: pipe[0]), options: StreamOptions())
        }
        close(pipe[1])
        try await expectWell(engine)
        await engine.shutdown()
    }

    @Test(arguments: ["morning-train.opus", "glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"])
    func cutAndBent(_ name: String) async throws {
        let engine = makeEngine()
        let whole = try [UInt8](
            Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path(name))).prefix(400_000))
        for length in [1, 17, 100, 1_000, 5_000, 40_000, 399_999] {
            _ = try await feed(Array(whole.prefix(length)), to: engine)
        }
        for seed in 0..<15 {
            var random = Seeded(state: UInt64(seed) &* 7_919 &+ UInt64(name.utf8.count))
            var bent = whole
            let reach = seed % 2 == 0 ? 2_000 : bent.count
            for _ in 0..<(1 << (seed % 8)) {
                bent[Int(random.next() % UInt64(reach))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try await feed(bent, to: engine)
        }
        try await expectWell(engine)
        await engine.shutdown()
    }

    /// A FLAC header that promises 655350 Hz, 8 channels and 2^36 samples over frames that are something else.
    @Test func headersThatLie() async throws {
        let engine = makeEngine()
        var flac = try [UInt8](
            Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path("glass-harbour.flac"))).prefix(200_000))
        for place in 18..<26 { flac[place] = 0xFF }
        _ = try await feed(flac, to: engine)
        var opus = try [UInt8](
            Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path("morning-train.opus"))).prefix(200_000))
        opus[26] = 255
        for segment in 27..<60 { opus[segment] = 255 }
        _ = try await feed(opus, to: engine)
        try await expectWell(engine)
        await engine.shutdown()
    }

    /// A disk that fails, or a file that is gone from its server.
    @Test func aReadErrorInMidTrackIsNotTheEnd() async throws {
        let engine = makeEngine()
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let head = try await songBytes("morning-train.opus").prefix(60_000)
        #expect(Glibc.write(pair[1], Array(head), head.count) == head.count)
        // Closed with something unread, a socket ends in an error at its other end: after what it has sent.
        #expect(Glibc.write(pair[0], [0], 1) == 1)
        close(pair[1])
        let puller = Puller(try await engine.open(MediaFile(descriptor: pair[0]), options: StreamOptions()))
        try await puller.pull()
        #expect(puller.outcome == .failed && puller.packets.count > 40)
        #expect(await ending(puller.stream)?.failure == .unreadable, "the file is not damaged")
        await engine.shutdown()
    }

    // MARK: Memory

    /// An MP3 file behind a tag with a picture of `size` bytes, which are a hole in the file.
    private func withPicture(_ size: Int) async throws -> MediaFile {
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).mp3"
        let head = HostileFiles.pictureTag(size)
        try Data(head).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        try #require(truncate(path, head.count + size) == 0)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(try await songBytes("paper-lanterns.mp3")))
        return try openFile(path)
    }

    /// A number of /proc/PID/status, in bytes.
    private func status(_ name: String, of pid: pid_t) throws -> Int {
        let lines = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("\(name):") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) << 10
    }

    @Test func picturesAreNotKeptWhileTheirTracksPlay() async throws {
        let engine = makeEngine()
        let file = try await withPicture(10 << 20)
        var pullers = [Puller(try await engine.open(file, options: StreamOptions()))]
        try await pullers[0].pull(20)
        let pid = try #require(await engine.workerPID)
        let before = try status("VmRSS", of: pid)
        for _ in 0..<10 {
            pullers.append(Puller(try await engine.open(file, options: StreamOptions())))
            try await pullers.last?.pull(20)
        }
        // A hundred MiB of pictures went by; the bound leaves room for what the allocator holds back.
        let grown = try status("VmRSS", of: pid) - before
        #expect(grown < 50 << 20, "\(grown >> 20) MiB")
        await engine.shutdown()
    }

    @Test func aPictureThatIsTooLargeIsNotTaken() async throws {
        let engine = makeEngine()
        let probed = try await engine.probe(try await withPicture(100 << 20))
        #expect(probed.info.codec == "mp3")
        let pid = try #require(await engine.seats[.prober]?.worker.pid)
        #expect(try status("VmHWM", of: pid) < 90 << 20)
        await engine.shutdown()
    }

    /// Xorshift: the same bent files in every run.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = (state | 1) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 11
        }
    }
}

/// The process itself: confined, watched, replaced.
@Suite("The media worker's process", .serialized)
struct ProcessTests {
    @Test func itHasNoDoors() throws {
        let (status, output) = try run("timmybot-media", ["--self-test"])
        #expect(status == 0, "\(output)")
        let lines = output.split(separator: "\n")
        #expect(lines.count == 10 && lines.allSatisfy { $0.hasSuffix(": refused") }, "\(output)")
    }

    @Test func songsAreNotWrittenIntoAnOption() throws {
        for arguments in [["--help"], ["-h"], [""], []] {
            let (status, output) = try run("timmybot-songs", arguments)
            #expect(status == 64 && output.contains("usage"), "\(arguments): \(status)")
            #expect(arguments.first.map { $0.isEmpty || !FileManager.default.fileExists(atPath: $0) } != false)
        }
    }

    @Test func itIsSeccompedAndBounded() async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("morning-train.opus"))
        try await puller.pull(10)
        let pid = try #require(await engine.workerPID)
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        #expect(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"))
        let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        #expect(
            limits.split(separator: "\n").contains { $0.hasPrefix("Max core file size") && $0.contains(" 0 ") },
            "\(limits)")
        // Standard descriptors, the control socket, and what this stream needs; nothing else of ours.
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
        #expect(open.count <= 8, "\(open)")
        await engine.shutdown()
    }

    @Test(arguments: [SIGKILL, SIGSTOP, SIGSEGV])
    func aLostWorkerIsReplacedWhereItWas(_ signal: Int32) async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        try await puller.pull(200)
        let heard = puller.stream.position
        let pid = try #require(await engine.workerPID)
        let before = ContinuousClock.now
        kill(pid, signal)
        var replaced = false
        for await event in puller.stream.events {
            if case .ringReplaced = event {
                replaced = true
                break
            }
        }
        #expect(replaced)
        try await puller.pull(50)
        // A generous bound: the machine may be busy. The benchmark measures it.
        #expect(ContinuousClock.now - before < .seconds(5))
        let next = puller.packets[200].position
        #expect(next <= heard + 960 && next + 960 >= heard, "\(heard) then \(next)")
        #expect(await engine.workerPID != pid)
        kill(pid, SIGKILL)
        await engine.shutdown()
    }
}

/// The words between host and worker.
@Suite("The media wire")
struct WireTests {
    private func pair() -> (WireSocket, WireSocket) {
        var ends: [Int32] = [-1, -1]
        #expect(tb_socket_pair(&ends) == 0)
        return (WireSocket(descriptor: ends[0]), WireSocket(descriptor: ends[1]))
    }

    @Test func messagesArriveWithTheirDescriptors() throws {
        let (host, worker) = pair()
        var options = StreamOptions()
        options.start = .max
        options.volume = 0.5
        options.filter = "night"
        let messages: [WorkerRequest] = [
            .open(id: 7, options: options), .change(id: 1, volume: 2, filter: ""), .close(id: .max), .probe(id: 0),
            .ping(number: 3),
        ]
        for message in messages {
            #expect(host.send(message, descriptors: [0, 1]))
            let received = try #require(worker.receive(WorkerRequest.self))
            #expect(received.message == message && received.descriptors.count == 2)
            for descriptor in received.descriptors { close(descriptor) }
        }
    }

    @Test func nonsenseEndsTheTalkAndCrashesNothing() throws {
        let texts = [
            "", "{}", "null", "[]", "{\"opened\":{}}",
            "{\"pong\":{\"number\":1,\"lanes\":[{\"id\":1,\"cpu\":1e99,\"wall\":0}]}}",
            "\u{0}",
            String(repeating: "[", count: 30_000), "{\"failed\":{\"id\":1,\"failure\":\"else\",\"detail\":\"\"}}",
            "{\"probed\":{\"id\":99999999999,\"info\":{}}}",
        ]
        for text in texts {
            let (host, worker) = pair()
            let bytes = Array(text.utf8)
            _ = bytes.withUnsafeBytes { Glibc.send(worker.descriptor, $0.baseAddress, $0.count, 0) }
            shutdown(worker.descriptor, Int32(SHUT_RDWR))
            #expect(host.receive(WorkerReply.self) == nil, "\(text.prefix(40))")
        }
    }
}
