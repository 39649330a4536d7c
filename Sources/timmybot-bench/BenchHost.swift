import CTimmyBot
import Foundation
import Glibc
import Logging
import PluginHost

/// A plugin host with scripts/bench_plugin.c loaded, compiled as a third party would.
struct BenchHost {
    private static let source = "scripts/bench_plugin.c"

    let host: PluginHost
    private let folder: String

    /// - Parameter http: what the plugin's requests get to.
    init(http: any HTTPFetching) throws {
        folder = NSTemporaryDirectory() + "/timmybot-bench-plugin-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = "\(folder)/bench.so"
        do {
            try Self.compile(to: file)
            var logger = Logger(label: "bench")
            logger.logLevel = .error
            host = PluginHost(
                PluginHost.Configuration(directory: folder, cacheDirectory: "\(folder)/cache"),
                services: PluginServices(player: NoPlayer(), probe: NoPlayer(), http: http), logger: logger)
            do throws(PluginRefusal) { try host.load(file) } catch {
                throw BenchError("the host refuses the bench's plugin: \(error)")
            }
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// The plugin's file stays mapped.
    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private static func compile(to file: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["cc", "-std=c11", "-O2", "-fPIC", "-shared", "-I", "sdk/include", source, "-o", file]
            + ["-Wl,--version-script=sdk/plugin.map", "-Wl,-z,nodelete"]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchError("\(source) cannot be compiled with cc") }
    }

    /// A reader of `bytes` bytes that the plugin has in memory.
    func reader(of bytes: UInt64) throws -> tb_reader_v1 {
        guard let handle = dlopen("\(folder)/bench.so", RTLD_NOW | RTLD_LOCAL),
            let symbol = dlsym(handle, "timmybot_plugin_v1")
        else { throw BenchError("the bench's plugin cannot be opened") }
        typealias Entry = @convention(c) () -> UnsafePointer<tb_plugin_v1>?
        typealias Make = @convention(c) (UInt64) -> tb_reader_v1
        let table = unsafeBitCast(symbol, to: Entry.self)()?.pointee
        guard let own = table?.get_extension?("dev.timmybot.bench.reader/1") else {
            throw BenchError("the bench's plugin has no reader")
        }
        return own.load(as: Make.self)(bytes)
    }

    static let caller = PluginInvocation(guild: 1 << 60, channel: 2, user: 3, voiceChannel: 0, locale: "en-GB")
}

/// Where nothing plays.
struct NoPlayer: PlayerService, ProbeService {
    private var none: PluginFailure { PluginFailure(code: TB_E_UNSUPPORTED, detail: "there is no player") }

    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    { throw none }
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        throw none
    }
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        close(descriptor)
        throw none
    }
}
