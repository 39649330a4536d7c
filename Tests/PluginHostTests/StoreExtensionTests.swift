import CTimmyBot
import Foundation
import Synchronization
import Testing

@testable import PluginHost

/// `timmy.store/1` as a C plugin meets it; how it is kept is tested with the file store.
@Suite("The store extension")
struct StoreExtensionTests {
    @Test func valuesComeBack() async throws {
        let memory = MemoryStore()
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
        let plugin = try PortsHost(store: MemoryStore())
        let long = String(repeating: "k", count: 128)
        for (key, expected) in [("", "status -1"), (long, "0|0|"), (long + "k", "status -1")] {
            #expect(await plugin.run("store_get", ["key": .string(key)]) == expected)
            #expect(await plugin.run("store_set", ["key": .string(key), "value": .string("v")]) == expected)
        }
        #expect(await plugin.run("store_fill", ["key": .string("k"), "size": .integer(65_536)]) == "0|0|")
        #expect(await plugin.run("store_fill", ["key": .string("k"), "size": .integer(65_537)]) == "status -1")
        #expect(await plugin.run("store_fill", ["key": .string("k"), "size": .integer(-1)]) == "status -1")
        #expect(await plugin.run("store_keys", ["key": .string(long + "k")]) == "status -1")
        plugin.host.shutdown()
    }

    @Test func aHostWithoutAPlaceSaysSo() async throws {
        let plugin = try PortsHost()
        #expect(await plugin.run("store_get", ["key": .string("k")]) == "error -3")
        plugin.host.shutdown()
    }
}
