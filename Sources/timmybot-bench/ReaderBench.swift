import CBenchFloor
import CTimmyBot
import Foundation
import PluginHost

/// How fast bytes go from the host to a plugin and from a plugin to the host.
struct ReaderBench {
    private static let bytes = 256 << 20
    private static let rounds = 2
    private static let capacities = [4 << 10, 64 << 10]
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws {
        let plugin = try BenchHost(http: FullPipe(bytes: Self.bytes))
        defer { plugin.remove() }
        var table = Table("Readers: GB/s", ["path", "4 KiB a read", "64 KiB a read"])
        let cells = try await Slices.least(
            Self.rounds * options.rounds,
            Self.capacities.map { capacity in { try await fromHost(plugin, capacity) } }
                + Self.capacities.map { capacity in { try await fromPlugin(plugin, capacity) } }
                + Self.capacities.map { capacity in { await onPlainThread { Self.copy(capacity) } } })
        let names = ["timmy.http/1 read by a plugin", "tb_reader_v1 read by the host", "memcpy alone"]
        for (row, name) in names.enumerated() {
            table.add([name] + cells[2 * row..<2 * row + 2].map { (Double(Self.bytes) / $0).text(2) })
        }
        table.print()
    }

    /// Nanoseconds for `bytes`, measured by the plugin: its own thread reads a pipe that a task of the host keeps full.
    private func fromHost(_ plugin: BenchHost, _ capacity: Int) async throws -> Double {
        let answer = try await plugin.host.invoke(
            "drained", BenchHost.caller, ["capacity": .integer(Int64(capacity))])
        guard case .message(let reply) = answer else { throw BenchError("the plugin answered with something else") }
        let numbers = reply.componentsJSON.split(separator: " ").compactMap { Double($0) }
        guard numbers.count == 2, Int(numbers[1]) == Self.bytes else {
            throw BenchError("the plugin read \(reply.componentsJSON)")
        }
        return numbers[0]
    }

    private func fromPlugin(_ plugin: BenchHost, _ capacity: Int) async throws -> Double {
        let bytes = Self.bytes
        nonisolated(unsafe) let reader = try plugin.reader(of: UInt64(bytes))
        let spent = await onPlainThread { () -> Double in
            var buffer = [UInt8](repeating: 0, count: capacity), total = 0
            let start = tb_now()
            while let got = reader.read?(reader.ctx, &buffer, capacity), got > 0 { total += Int(got) }
            let spent = Double(tb_now() - start)
            reader.close?(reader.ctx)
            return total == bytes ? spent : .nan
        }
        guard spent.isFinite else { throw BenchError("the plugin's reader ended early") }
        return spent
    }

    private static func copy(_ capacity: Int) -> Double {
        let source = [UInt8](repeating: 1, count: 64 << 10)
        var target = [UInt8](repeating: 0, count: capacity), sum = 0
        let start = tb_now()
        for _ in 0..<bytes / capacity {
            target.withUnsafeMutableBytes { to in
                source.withUnsafeBytes { to.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<capacity])) }
            }
            sum &+= Int(target[capacity - 1])
        }
        let spent = Double(tb_now() - start)
        return sum == bytes / capacity ? spent : .nan
    }
}

/// Answers every request with so many bytes, as fast as they are read.
private struct FullPipe: HTTPFetching {
    private static let piece = 64 << 10
    let bytes: Int

    func fetch(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws(PluginFailure) -> HTTPFetchResponse {
        let pipe = BytePipe()
        Task { [bytes] in
            let piece = [UInt8](repeating: 1, count: Self.piece)
            for _ in 0..<bytes / Self.piece { guard await pipe.write(piece) else { return } }
            pipe.finish()
        }
        return HTTPFetchResponse(status: 200, url: request.url, headers: [], body: ByteStream(pipe))
    }

    func metrics() -> [String: HTTPMetrics] { [:] }
}
