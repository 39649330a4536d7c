import AudioRing
import CBenchFloor
import Foundation
import Glibc
import Logging
import Media
import MediaWire

/// The media worker at full speed beside C that drives the same libraries with the same settings.
struct TranscodeBench {
    private let options: Options
    /// The worker's settings; 10 is the complexity that it always encodes with.
    private let bitrate = StreamOptions().bitrate
    private let complexity: Int32 = 10
    /// Packets at which the worker rests.
    private static let full = 12

    init(_ options: Options) { self.options = options }

    private struct Cost {
        var packets = 0
        var bytes = 0
        var cpu: Int64 = 0
        var wall = 0.0

        /// Milliseconds of CPU for a minute of music.
        var perMinute: Double { packets == 0 ? 0 : Double(cpu) / 1e6 / (Double(packets) / 3_000) }
        func cheaper(_ other: Cost) -> Cost { other.perMinute < perMinute ? other : self }
        var kilobits: Double { packets == 0 ? 0 : Double(bytes * 8) / (Double(packets) * 20) }
    }

    func run() async throws {
        let folder = NSTemporaryDirectory() + "/timmybot-bench-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard Songs.compose(into: folder) else {
            return print("Transcoding: skipped, timmybot-songs is not beside this program\n")
        }
        var table = Table(
            "Transcoding to Opus at \(bitrate / 1_000) kbit/s, complexity \(complexity): milliseconds of CPU for a minute of music",
            ["file", "worker", "floor in C", "ratio", "floor, paced", "ratio", "kbit/s", "floor's", "times real time"])
        let engine = MediaEngine(
            MediaConfiguration(workerPath: Options.sibling("timmybot-media")), logger: Logger(label: "bench"))
        try await engine.start()
        // The worker starts its threads and confines itself meanwhile, which is no part of a track's cost.
        try await Task.sleep(for: .milliseconds(500))
        for file in ["glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"] {
            let path = "\(folder)/\(file)"
            var worker = try await measureWorker(engine, path), floor = try await measureFloor(path)
            var paced = try await measureFloor(path, paced: true)
            for _ in 1..<options.rounds {
                worker = worker.cheaper(try await measureWorker(engine, path))
                floor = floor.cheaper(try await measureFloor(path))
                paced = paced.cheaper(try await measureFloor(path, paced: true))
            }
            table.add([
                "\(file) (\(Double(worker.packets) / 50) s)", worker.perMinute.text(0), floor.perMinute.text(0),
                worker.perMinute.ratio(to: floor.perMinute), paced.perMinute.text(0),
                worker.perMinute.ratio(to: paced.perMinute), worker.kilobits.text(1), floor.kilobits.text(1),
                (Double(worker.packets) / 50 / worker.wall).text(1),
            ])
        }
        await engine.shutdown()
        table.print()
    }

    private func measureWorker(_ engine: MediaEngine, _ path: String) async throws -> Cost {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, let worker = await engine.workerPID else {
            throw BenchError("no media worker for \(path)")
        }
        let before = tb_cpu_of_process(worker), start = tb_now()
        let stream = try await engine.open(MediaFile(descriptor: descriptor), options: StreamOptions())
        var cost = try await drain(stream.ring)
        cost.cpu = tb_cpu_of_process(worker) - before
        cost.wall = Double(tb_now() - start) / 1e9
        await stream.close()
        guard await engine.workerPID == worker, !stream.isPassthrough else {
            throw BenchError("\(path) was not transcoded by one worker")
        }
        return cost
    }

    /// Takes packets whenever the ring is full. Rings are topped up on a timer, so this is several times real time and not
    /// all that the processor could do; taking them while the ring is being filled would look like a file that never
    /// fills it, which the worker and its watch take for an attack.
    private func drain(_ ring: AudioRing) async throws -> Cost {
        var cost = Cost()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: AudioRing.maximumPacketSize, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            for _ in 0..<50 where ring.count < Self.full { try await Task.sleep(for: .milliseconds(2)) }
            taking: while true {
                switch ring.pop(into: buffer) {
                case .packet(let length, _):
                    cost.packets += 1
                    cost.bytes += length
                case .empty: break taking
                case .ended: return cost
                case .failed, .corrupt: throw BenchError("the media worker gave up")
                }
            }
        }
    }

    private func measureFloor(_ path: String, paced: Bool = false) async throws -> Cost {
        let (bitrate, complexity) = (Int32(bitrate), complexity)
        let result = await onPlainThread { () -> tb_transcoded? in
            var result = tb_transcoded()
            return tb_transcode(path, bitrate, complexity, paced ? 1 : 0, &result) == 0 ? result : nil
        }
        guard let result else { throw BenchError("the floor cannot decode \(path)") }
        return Cost(packets: Int(result.packets), bytes: Int(result.bytes), cpu: result.cpu)
    }
}
