import AudioRing
import Foundation
import Glibc
import Logging
import MediaWire
import TestSupport
import Testing

@testable import Media
@testable import Sandbox

/// Programs beside the running test executable.
let builtFolder: String = {
    let executable =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return (executable as NSString).deletingLastPathComponent
}()

func makeEngine(
    heartbeat: Duration = .milliseconds(200), clock: any Clock<Duration> = ContinuousClock(),
    adjust: (inout MediaConfiguration) -> Void = { _ in }
) -> MediaEngine {
    var logger = Logger(label: "media")
    logger.logLevel = .critical
    var configuration = MediaConfiguration(workerPath: "\(builtFolder)/timmybot-media")
    configuration.heartbeat = heartbeat
    adjust(&configuration)
    return MediaEngine(configuration, logger: logger, clock: clock)
}

func openFile(_ path: String) throws -> MediaFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0, "cannot open \(path)")
    return MediaFile(descriptor: descriptor)
}

/// The demo's songs, made once for all tests.
actor Songs {
    static let shared = Songs()
    private var made: String?
    private var pcm: [String: [Float]] = [:]

    func path(_ name: String) throws -> String {
        if let made { return "\(made)/\(name)" }
        let folder = NSTemporaryDirectory() + "timmybot-media-songs-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try run("timmybot-songs", [folder])
        made = folder
        return "\(folder)/\(name)"
    }

    /// A song before any codec touched it, mono.
    func composed(_ name: String) throws -> [Float] {
        if let known = pcm[name] { return known }
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).pcm"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try run("timmybot-songs", ["--pcm", name, path])
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let mono = Correlation.mono(data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) })
        pcm[name] = mono
        return mono
    }
}

@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let child = try ChildProcess(["\(builtFolder)/\(program)"] + arguments)
    let output = child.readAll()
    return (child.wait(), output)
}

/// Takes packets as fast as there are any.
final class Puller {
    struct Packet: Equatable {
        let bytes: [UInt8]
        let position: UInt64
    }
    struct Stalled: Error {}

    /// Packets that the worker keeps ahead, at least.
    let ahead = 12

    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: AudioRing.maximumPacketSize, alignment: 16)
    var stream: MediaStream
    private(set) var packets: [Packet] = []
    private(set) var outcome = AudioRing.Popped.empty

    init(_ stream: MediaStream) { self.stream = stream }
    deinit { buffer.deallocate() }

    /// Takes `count` more packets, fewer where the stream ends. Throws where nothing comes for ten seconds.
    @discardableResult
    func pull(_ count: Int = .max) async throws -> ArraySlice<Packet> {
        let first = packets.count
        var patience = ContinuousClock.now + .seconds(10)
        while packets.count - first < count {
            outcome = stream.ring.pop(into: buffer)
            switch outcome {
            case .packet(let length, let position):
                packets.append(Packet(bytes: Array(buffer[..<length]), position: position))
                patience = .now + .seconds(10)
            case .empty:
                guard ContinuousClock.now < patience else { throw Stalled() }
                try await Task.sleep(for: .milliseconds(1))
            case .ended, .failed, .corrupt: return packets[first...]
            }
        }
        return packets[first...]
    }

    /// One packet, if there is one.
    func takeOne() -> Bool {
        outcome = stream.ring.pop(into: buffer)
        guard case .packet(let length, let position) = outcome else { return false }
        packets.append(Packet(bytes: Array(buffer[..<length]), position: position))
        return true
    }

    /// Takes whatever comes until `condition` holds.
    func drain(until condition: () async -> Bool) async throws {
        let patience = ContinuousClock.now + .seconds(10)
        while await !condition() {
            guard ContinuousClock.now < patience else { throw Stalled() }
            while stream.ring.count > 0 { try await pull(1) }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Waits until the worker has put in all that it puts in ahead of the listener.
    func waitUntilFull() async throws {
        let patience = ContinuousClock.now + .seconds(10)
        while stream.ring.count < ahead {
            guard ContinuousClock.now < patience else { throw Stalled() }
            try await Task.sleep(for: .microseconds(200))
        }
    }

    /// As `MediaStream.change`; waits until what was ahead of it in the ring has been taken back.
    func change(volume: Double, filter: String) async throws {
        await stream.change(volume: volume, filter: filter)
        let patience = ContinuousClock.now + .seconds(10)
        while stream.isPassthrough, !(volume == 1 && filter.isEmpty), stream.ring.count > ahead {
            guard ContinuousClock.now < patience else { throw Stalled() }
            try await Task.sleep(for: .microseconds(200))
        }
    }

    /// What a listener hears of some packets, mono.
    static func decode(_ packets: some Sequence<Packet>) throws -> [Float] {
        let decoder = try #require(OpusListenerDecoder())
        return Correlation.mono(packets.flatMap { decoder.decode($0.bytes) ?? [] })
    }
}

func play(_ engine: MediaEngine, _ path: String, _ adjust: (inout StreamOptions) -> Void = { _ in }) async throws
    -> Puller
{
    var options = StreamOptions()
    adjust(&options)
    return Puller(try await engine.open(openFile(path), options: options))
}
