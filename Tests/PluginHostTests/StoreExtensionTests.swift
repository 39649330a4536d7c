import CTimmyBot
import Foundation
import Synchronization
import Testing

@testable import PluginHost

/// `timmy.store/1` as a C plugin meets it; how it is kept is tested with the file store.
@Suite("The store extension")
struct StoreExtensionTests {
    /// In memory, and on demand broken.
    private final class Memory: StoreService {
        let state = Mutex<(values: [[UInt8]: [UInt8]], owners: Set<String>, isBroken: Bool)>(([:], [], false))

        func perform(
            _ operation: StoreOperation, for plugin: String,
            done: @escaping @Sendable (Result<StoreAnswer, PluginFailure>) -> Void
        ) {
            let result: Result<StoreAnswer, PluginFailure> = state.withLock { state in
                state.owners.insert(plugin)
                if state.isBroken { return .failure(PluginFailure(code: TB_E_IO, detail: "full")) }
                switch operation {
                case .get(let key):
                    return .success(StoreAnswer(isFound: state.values[key] != nil, value: state.values[key] ?? []))
                case .set(let key, let value):
                    return .success(StoreAnswer(isFound: state.values.updateValue(value, forKey: key) != nil))
                case .remove(let key):
                    return .success(StoreAnswer(isFound: state.values.removeValue(forKey: key) != nil))
                case .keys(let prefix):
                    let keys = state.values.keys.filter { $0.starts(with: prefix) }
                    return .success(
                        StoreAnswer(isFound: !keys.isEmpty, keys: keys.sorted { $0.lexicographicallyPrecedes($1) }))
                }
            }
            done(result)
        }
    }

    @Test func valuesComeBack() async throws {
        let memory = Memory()
        let plugin = try PortsHost(store: memory)
        func set(_ key: String, _ value: String) async -> String {
            await plugin.run("store_set", ["key": .string(key), "value": .string(value)])
        }
        func on(_ command: String, _ key: String) async -> String { await plugin.run(command, ["key": .string(key)]) }
        #expect(await on("store_get", "k") == "0|0|")
        #expect(await set("k", "wört") == "0|0|")
        #expect(await set("k", "two") == "1|0|")
        #expect(await set("empty", "") == "0|0|")
        #expect(await on("store_get", "k") == "1|3|two")
        #expect(await on("store_get", "empty") == "1|0|")
        #expect(await set("k/ä", "x") == "0|0|")
        #expect(await on("store_keys", "k") == "1|0||k|k/ä")
        #expect(await on("store_keys", "") == "1|0||empty|k|k/ä")
        #expect(await on("store_keys", "none") == "0|0|")
        #expect(await on("store_remove", "k") == "1|0|")
        #expect(await on("store_remove", "k") == "0|0|")
        #expect(memory.state.withLock { $0.owners } == [plugin.id])
        memory.state.withLock { $0.isBroken = true }
        #expect(await on("store_get", "empty") == "error -10")
        plugin.host.shutdown()
    }

    @Test func keysAndValuesAreBounded() async throws {
        let plugin = try PortsHost(store: Memory())
        let long = String(repeating: "k", count: 128)
        for (key, expected) in [("", "status -1"), (long, "0|0|"), (long + "k", "status -1")] {
            #expect(await plugin.run("store_get", ["key": .string(key)]) == expected)
            #expect(await plugin.run("store_set", ["key": .string(key), "value": .string("v")]) == expected)
        }
        #expect(await plugin.run("store_fill", ["key": .string("k"), "size": .integer(65_536)]) == "0|0|")
        #expect(await plugin.run("store_fill", ["key": .string("k"), "size": .integer(65_537)]) == "status -1")
        #expect(await plugin.run("store_keys", ["key": .string(long + "k")]) == "status -1")
        plugin.host.shutdown()
    }

    @Test func aHostWithoutAPlaceSaysSo() async throws {
        let plugin = try PortsHost()
        #expect(await plugin.run("store_get", ["key": .string("k")]) == "error -3")
        plugin.host.shutdown()
    }
}
