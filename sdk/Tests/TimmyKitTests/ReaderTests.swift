import CTimmyBot
import class Foundation.Thread
import Glibc
import Synchronization
import Testing

@testable import TimmyKit

/// What became of a reader, by name.
private let events = Mutex<[String: [String]]>([:])

private func note(_ name: String, _ event: String) { events.withLock { $0[name, default: []].append(event) } }

@Suite("Sound that plugins hand over", .timeLimit(.minutes(5)))
struct ReaderTests {
    private struct Bytes: Reader {
        let name: String
        let bytes: [UInt8]
        var place = 0
        var canSeek: Bool { true }

        mutating func read(into buffer: inout ReadBuffer) throws {
            if name == "broken", place >= 5_000 { throw Failure(code: .io, detail: "broken") }
            place += buffer.append(bytes[place...])
        }
        mutating func seek(to offset: UInt64) throws {
            guard offset <= bytes.count else { throw Failure(code: .invalid) }
            place = Int(offset)
        }
        mutating func close() { note(name, "closed") }
    }

    /// Byte after byte, from a sequence that lies nowhere in memory.
    private struct Lazily: Reader {
        var left = 100
        mutating func read(into buffer: inout ReadBuffer) throws {
            let count = min(left, buffer.free)
            left -= buffer.append((0..<count).lazy.map { _ in UInt8(7) })
        }
    }

    private struct Ramp: PCMSource {
        var frame: Int16 = 0
        let frames: Int16
        var canSeek: Bool { true }

        mutating func render(into buffer: inout PCMBuffer) throws {
            while buffer.free > 0, frame < frames {
                buffer.append(left: frame, right: -frame)
                frame += 1
            }
        }
        mutating func seek(toFrame target: UInt64) throws { frame = Int16(target) }
    }

    private struct Packets: OpusSource {
        var sizes = [3, 120, 1_275]
        mutating func nextPacket() throws -> [UInt8]? {
            sizes.isEmpty ? nil : [UInt8](repeating: UInt8(sizes.count), count: sizes.removeFirst())
        }
    }

    /// Blocks until it is interrupted.
    private struct Blocking: Reader {
        let name: String
        let gate = Gate()
        var interrupt: (@Sendable () -> Void)? { { [gate] in gate.open() } }
        mutating func read(into buffer: inout ReadBuffer) throws {
            note(name, "reading")
            gate.wait()
            throw Failure(code: .cancelled)
        }
        mutating func close() { note(name, "closed") }
    }

    private struct Sounds: Plugin, Source {
        static let id = "test.sounds"
        static let version = "1.0.0"
        let host: Host
        init(host: Host) { self.host = host }

        func match(_ input: String) -> Int { input.hasPrefix("sound:") ? 100 : -3 }
        func resolve(_ input: String, limit: Int) async throws -> [Track] {
            (0..<50).map { index in
                var track = Track(key: "k\(index)", title: input, artist: "A", durationMilliseconds: 1_000)
                track.isLive = index == 1
                track.isrc = "GBAYE0601498"
                return track
            }
        }
        func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])? {
            key == "none" ? nil : ("image/png", [1, 2, 3])
        }
        func open(_ key: String, startMilliseconds: UInt64) async throws -> Media {
            switch key.split(separator: "-").first {
            case "url": return .url("https://e.example/a", headers: [Header("x-key", "1")]).started()
            case "pcm": return .pcm(Ramp(frames: 1_000))
            case "opus": return .opus(Packets())
            case "lazy": return .bytes(Lazily())
            case "blocking": return .bytes(Blocking(name: key))
            case "file": return .file(descriptor: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC))
            case "pipe": return .pipe(try host.pipe(.opusPackets, capacity: 5_000))
            case "stream": return .stream(try await host.http.stream(HTTP.Request("https://e.example/s")))
            case "gone": throw Failure(code: .unavailable, userText: "Gone.")
            default:
                let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                return .bytes(Bytes(name: key, bytes: bytes), type: "audio/ogg", length: 10_000)
            }
        }
    }

    private func open(_ started: Started, _ key: String) async throws -> FakeMedia {
        try #require(await started.host.outcome(try started.open(key)).media, "\(key) was not opened")
    }

    private static let pattern = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test(arguments: [1, 7, 4_096, 20_000])
    func bytesOfAnyCapacity(_ capacity: Int) async throws {
        let started = try Started(Sounds.self)
        let media = try await open(started, "bytes-\(capacity)")
        #expect(media.kind == TB_MEDIA_BYTES && media.type == "audio/ogg" && media.byteLength == 10_000)
        let reader = try #require(media.reader)
        var all = reader.drain(capacity)
        #expect(all.status == 0 && all.bytes == Self.pattern)
        #expect(reader.canSeek && reader.seek(9_990) == TB_OK)
        all = reader.drain(capacity)
        #expect(all.bytes == Array(Self.pattern.suffix(10)))
        #expect(reader.seek(10_001) == TB_E_INVALID)
        #expect(reader.read(0).status == Int64(TB_E_INVALID))
        reader.close()
        #expect(events.withLock { $0["bytes-\(capacity)"] } == ["closed"])
    }

    @Test(arguments: [1, 3, 4, 7, 4_096])
    func samplesOfAnyCapacity(_ capacity: Int) async throws {
        let started = try Started(Sounds.self)
        let media = try await open(started, "pcm")
        #expect(media.kind == TB_MEDIA_PCM_S16_48K_STEREO)
        let reader = try #require(media.reader)
        let expected = (0..<Int16(1_000)).flatMap { frame in
            [frame, -frame].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        }
        let all = reader.drain(capacity)
        #expect(all.status == 0 && all.bytes == expected)
        #expect(reader.seek(990 * 4) == TB_OK && reader.drain(capacity).bytes == Array(expected.suffix(40)))
        reader.close()
    }

    /// A packet is never split; one that does not fit waits for a buffer that is big enough.
    @Test func opusPacketsStayWhole() async throws {
        let started = try Started(Sounds.self)
        let reader = try #require(try await open(started, "opus").reader)
        #expect(reader.read(1).status == Int64(TB_E_INVALID))
        #expect(reader.read(7).bytes == [3, 3, 3])
        #expect(reader.read(7).status == Int64(TB_E_INVALID))
        #expect(reader.read(4_096).bytes.count == 120 && reader.read(4_096).bytes.count == 1_275)
        #expect(reader.read(4_096).status == 0 && !reader.canSeek)
        reader.close()
    }

    @Test func whatCameBeforeAFailureCounts() async throws {
        let started = try Started(Sounds.self)
        let reader = try #require(try await open(started, "broken").reader)
        let all = reader.drain(4_096)
        #expect(all.status == Int64(TB_E_IO) && all.bytes == Array(Self.pattern.prefix(8_192)))
        reader.close()
        let lazily = try #require(try await open(started, "lazy").reader)
        #expect(lazily.drain(33).bytes == [UInt8](repeating: 7, count: 100))
        #expect(!lazily.canSeek)
        lazily.close()
    }

    @Test func interruptWakesABlockedRead() async throws {
        let started = try Started(Sounds.self)
        let reader = try #require(try await open(started, "blocking-1").reader)
        // On a thread of its own, as the host's are: one CPU's pool has a single one.
        let read = Task {
            await withCheckedContinuation { done in
                Thread.detachNewThread { done.resume(returning: reader.read(100).status) }
            }
        }
        #expect(await eventually { events.withLock { $0["blocking-1"] } == ["reading"] })
        reader.interrupt()
        #expect(await read.value == Int64(TB_E_CANCELLED))
        #expect(reader.read(100).status == Int64(TB_E_CANCELLED))
        reader.close()
        #expect(events.withLock { $0["blocking-1"] } == ["reading", "closed"])
    }

    /// On TB_E_STALE the plugin keeps what it made, and closes it.
    @Test func whatTheHostDoesNotTakeIsClosed() async throws {
        let started = try Started(Sounds.self)
        started.host.state.withLock { $0.expired = Set(1...10) }
        for key in ["bytes-stale", "stream", "pipe", "file"] { _ = try started.open(key) }
        #expect(await eventually { events.withLock { $0["bytes-stale"] } == ["closed"] })
        #expect(await eventually { started.host.state.withLock { $0.closedStreams.contains(5) } })
        #expect(await eventually { started.host.state.withLock { $0.pipeFinished == [TB_E_CANCELLED] } })
        started.end()
    }

    @Test func aMediumThatNobodyTakesIsClosed() {
        _ = Media.bytes(Bytes(name: "unused", bytes: []))
        #expect(events.withLock { $0["unused"] } == ["closed"])
    }

    @Test func otherKinds() async throws {
        let started = try Started(Sounds.self)
        let url = try await open(started, "url")
        #expect(url.kind == TB_MEDIA_URL && url.url == "https://e.example/a" && url.flags == TB_MEDIA_STARTED)
        #expect(url.headers == [Header("x-key", "1")] && url.byteLength == -1 && url.reader == nil)
        let file = try await open(started, "file")
        #expect(file.kind == TB_MEDIA_FD && fcntl(Int32(file.handle), F_GETFD) >= 0)
        close(Int32(file.handle))
        let pipe = try await open(started, "pipe")
        #expect(pipe.kind == TB_MEDIA_PIPE && pipe.handle == 77)
        #expect(await started.host.outcome(try started.open("gone")).failure?.userText == "Gone.")
        #expect(started.match("sound:x") == 100 && started.match("x") == 0)
    }

    @Test func tracksAndPictures() async throws {
        let started = try Started(Sounds.self)
        guard case .resolved(let tracks) = await started.host.outcome(try started.resolve("word", 3)) else {
            Issue.record("not resolved")
            return
        }
        #expect(tracks.map(\.key) == ["k0", "k1", "k2"] && tracks.map(\.isLive) == [false, true, false])
        #expect(tracks[0].title == "word" && tracks[0].isrc == "GBAYE0601498")
        #expect(await started.host.outcome(try started.artwork("k0")) == .artwork("image/png", [1, 2, 3]))
        #expect(await started.host.outcome(try started.artwork("none")).failure?.code == .notFound)
    }

    /// A streamed answer as sound: the host's reader thread pulls, and closing the reader closes the stream.
    @Test func aStreamedBodyAsSound() async throws {
        let started = try Started(Sounds.self)
        started.host.state.withLock { $0.streams[5] = FakeStream([[1, 2, 3], [4]]) }
        let media = try await open(started, "stream")
        #expect(media.kind == TB_MEDIA_BYTES && media.type == "audio/mpeg")
        let reader = try #require(media.reader)
        #expect(reader.read(2).bytes == [1, 2] && reader.drain(100).bytes == [3, 4])
        reader.close()
        #expect(started.host.state.withLock { $0.closedStreams.contains(5) })
    }
}
