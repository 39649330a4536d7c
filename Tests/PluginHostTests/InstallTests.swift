import Foundation
import PluginHost
import TestSupport
import Testing

@testable import PluginStore

/// Somebody's plugin, signed by an implementation that is not ours, into the store and out again.
@Suite("Installing plugins")
struct InstallTests {
    private struct Signed: Decodable { let key, signature: String }

    private static let seed = String(repeating: "07", count: 32)
    private static let comment = "timestamp:1700000000\tfile:plugin.so\thashed"

    /// What minisign would write, by PyNaCl.
    private static func sign(
        _ file: String, _ algorithm: String = "ED", seed: String = seed, id: String = "0102030405060708",
        comment: String = comment
    ) throws -> (key: MinisignKey, line: String, signature: String) {
        let text = try run(Python.command("minisign_peer.py", [seed, id, file, algorithm, comment]))
        let signed = try JSONDecoder().decode(Signed.self, from: Data(text.utf8))
        return (try MinisignKey(signed.key), signed.key, signed.signature)
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    // MARK: Signatures

    @Test(.enabled(if: Python.isPresent, "no Python: run scripts/setup peers"), arguments: ["Ed", "ED"])
    func minisignsSignaturesHold(_ algorithm: String) throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/file"
        for content in [Data(), Data("x".utf8), Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })] {
            try content.write(to: URL(fileURLWithPath: path))
            let (key, _, text) = try Self.sign(path, algorithm)
            #expect(key.id == "0807060504030201", "a little-endian number, as minisign prints it")
            let signature = try MinisignSignature(text)
            #expect(signature.keyID == key.id && signature.trustedComment == Self.comment)
            #expect(try signature.verify(Array(content), keys: [key]) == key)
            let windows = try MinisignSignature(text.replacingOccurrences(of: "\n", with: "\r\n"))
            #expect(try windows.verify(Array(content), keys: [key]) == key)
        }
    }

    @Test(.enabled(if: Python.isPresent, "no Python: run scripts/setup peers"), arguments: ["Ed", "ED"])
    func whatWasChangedDoesNotHold(_ algorithm: String) throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/file"
        let content = Array("what was signed".utf8)
        try Data(content).write(to: URL(fileURLWithPath: path))
        let (key, _, text) = try Self.sign(path, algorithm)
        let good = try MinisignSignature(text)
        func reason(_ signature: MinisignSignature, _ bytes: [UInt8], _ keys: [MinisignKey]) -> String {
            do throws(PluginStoreError) { return "holds for \(try signature.verify(bytes, keys: keys).id)" } catch {
                return error.description
            }
        }
        #expect(reason(good, content + [0], [key]).contains("not the one that was signed"))
        #expect(reason(good, content, []).contains("0807060504030201, which is not trusted"))
        // Another key that says it is the same one.
        let (impostor, _, _) = try Self.sign(path, algorithm, seed: String(repeating: "08", count: 32))
        #expect(reason(good, content, [impostor]).contains("not the one that was signed"))
        #expect(reason(good, content, [impostor, key]) == "holds for 0807060504030201")
        let comment = try MinisignSignature(text.replacingOccurrences(of: "plugin.so", with: "plugin.sO"))
        #expect(reason(comment, content, [key]).contains("trusted comment does not hold"))
        // Every bit of the two signatures counts: of 64 bytes each, after the ten that name algorithm and key.
        var lines = text.split(separator: "\n").map(String.init)
        for (line, first) in [(1, 10), (3, 0)] {
            let whole = try #require(Data(base64Encoded: lines[line]))
            for place in stride(from: first, to: whole.count, by: 7) {
                var bent = whole
                bent[place] ^= 1
                lines[line] = bent.base64EncodedString()
                #expect(
                    reason(try MinisignSignature(lines.joined(separator: "\n")), content, [key]).contains("not hold"))
            }
            lines[line] = whole.base64EncodedString()
        }
    }

    @Test func whatIsNoSignatureOrKey() throws {
        let some = Data(repeating: 1, count: 74).base64EncodedString()
        for bad in [
            "", "\n\n\n", "untrusted comment: x\n\(some)\ntrusted comment: x\n\(some)",
            "untrusted comment: x\nRWQ=\ntrusted comment: x\nRWQ=", String(repeating: "x", count: 1 << 20),
        ] {
            #expect(throws: PluginStoreError.self) { try MinisignSignature(bad) }
        }
        for bad in ["", "RWQ", some, "RW" + String(repeating: "A", count: 53), String(repeating: "A", count: 5_000)] {
            #expect(throws: PluginStoreError.self) { try MinisignKey(bad) }
        }
        #expect(throws: PluginStoreError.self) { try MinisignKey.list("# mine\n\nnot a key\n") }
        #expect(try MinisignKey.list("# mine\n\nuntrusted comment: minisign public key\n").isEmpty)
    }

    @Test func versionsHaveAnOrder() {
        let sorted = [
            "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0",
            "1.0.1",
            "1.2", "1.10.0", "2",
        ]
        for (lower, higher) in zip(sorted, sorted.dropFirst()) {
            #expect(Version(lower) < Version(higher), "\(lower) \(higher)")
            #expect(!(Version(higher) < Version(lower)))
        }
        #expect(Version("1.0") == Version("1.0.0") && Version("1.0.0+a") == Version("1.0.0+b"))
    }

    // MARK: Into the store

    /// A store, a folder of plugins that came with the bot, and a plugin to bring.
    private struct Bench {
        let scratch: Scratch
        let store: PluginStore
        let plugin: LifePlugin
        var folder: String { "\(scratch.path)/folder" }
        var offered: String { "\(scratch.path)/offered.so" }
        var installer: PluginInstaller { PluginInstaller(store: store, folder: folder) }

        init() throws {
            scratch = try Scratch()
            store = PluginStore(dataDirectory: "\(scratch.path)/data")
            plugin = LifePlugin(scratch)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }

        func offer(_ version: String = "1.0.0", signature: String? = nil) throws -> PluginInstaller.Offer {
            try plugin.build(version, to: offered)
            return PluginInstaller.Offer(
                bytes: try InstallTests.bytes(offered), signature: signature, source: offered)
        }

        func host() -> PluginHost { makeHost(scratch) }
    }

    private static var unsigned: PluginInstaller.Options {
        var options = PluginInstaller.Options()
        options.unsigned = true
        return options
    }

    private func reason(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "nothing was wrong"
    }

    @Test(.enabled(if: Python.isPresent, "no Python: run scripts/setup peers"))
    func onlyWhatATrustedKeySignedIsTaken() async throws {
        let bench = try Bench()
        var offer = try bench.offer()
        #expect(reason { _ = try bench.installer.install(offer) }.contains("it has no signature"))
        let (key, line, text) = try Self.sign(bench.offered)
        offer.signature = text
        #expect(reason { _ = try bench.installer.install(offer) }.contains("no key is trusted"))
        let (other, _, _) = try Self.sign(
            bench.offered, seed: String(repeating: "09", count: 32), id: "1111111111111111")
        var options = PluginInstaller.Options()
        options.keys = [other]
        #expect(reason { _ = try bench.installer.install(offer, options) }.contains("is not trusted here"))
        #expect(try bench.store.lock().plugins.isEmpty)
        try bench.store.prepare()
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.store.installedDirectory).isEmpty)

        try Data("# the author\n\(line)\n".utf8).write(to: URL(fileURLWithPath: bench.store.trustedKeysPath))
        let outcome = try bench.installer.install(offer)
        #expect(outcome.entry.keyID == key.id && outcome.trustedComment == Self.comment && outcome.previous == nil)
        let entry = try #require(try bench.store.lock()[bench.plugin.id])
        #expect(entry == outcome.entry && entry.version == "1.0.0" && entry.abi == 1 && entry.enabled)
        #expect(entry.source == bench.offered && entry.sha256.count == 64)

        // It is what a host loads.
        let host = bench.host()
        let reports = host.loadAll(try bench.store.candidates(bench.folder))
        #expect(reports.map(\.refusal) == [nil])
        #expect(try await host.text(bench.plugin, "version") == "1.0.0")

        // A new version beside it; a loaded file is never written over.
        let newer = try bench.offer("1.1.0")
        let second = try bench.installer.install(newer, Self.unsigned)
        #expect(second.previous == "1.0.0" && second.entry.keyID == nil && second.entry.file != entry.file)
        #expect(try await host.text(bench.plugin, "version") == "1.0.0")
        let candidate = try #require(try bench.store.candidate(bench.plugin.id, folder: bench.folder))
        try await host.reload(candidate, expecting: bench.plugin.id)
        #expect(try await host.text(bench.plugin, "version") == "1.1.0")
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.store.installedDirectory)
        #expect(files == [second.entry.file])
        await host.close()
    }

    @Test func nothingGetsOlderByAccident() throws {
        let bench = try Bench()
        _ = try bench.installer.install(try bench.offer("1.10.0"), Self.unsigned)
        let older = try bench.offer("1.9.0")
        #expect(
            reason { _ = try bench.installer.install(older, Self.unsigned) }.contains(
                "1.10.0 is there, and 1.9.0 is older"))
        var forced = Self.unsigned
        forced.force = true
        #expect(try bench.installer.install(older, forced).previous == "1.10.0")
        // What came with the bot counts as well.
        let own = try Bench()
        try own.plugin.build("3.0.0", to: "\(own.folder)/own.so")
        #expect(
            reason { _ = try own.installer.install(try own.offer("2.0.0"), Self.unsigned) }.contains("3.0.0 is there"))
        _ = try own.installer.install(try own.offer("3.1.0"), Self.unsigned)
        let candidates = try own.store.candidates(own.folder)
        #expect(candidates.count == 1 && candidates[0].file.contains("-3.1.0-"), "the installed one takes its place")
    }

    @Test func whatIsNoPluginIsNotInstalled() throws {
        let bench = try Bench()
        for (bytes, text) in [(Array("hello".utf8), "not an ELF"), ([], "not an ELF")] {
            let offer = PluginInstaller.Offer(bytes: bytes, signature: nil, source: "x")
            #expect(reason { _ = try bench.installer.install(offer, Self.unsigned) }.contains(text))
        }
        // Who vouches comes first: not a byte is read before.
        let nobodys = PluginInstaller.Offer(bytes: Array("hello".utf8), signature: nil, source: "x")
        #expect(reason { _ = try bench.installer.install(nobodys) }.contains("it has no signature"))
        let odd = try bench.offer("1.0/../../x")
        #expect(reason { _ = try bench.installer.install(odd, Self.unsigned) }.contains("its version may only have"))
    }

    @Test func aFileThatIsNotTheOneThatWasInstalledIsRefused() throws {
        let bench = try Bench()
        let entry = try bench.installer.install(try bench.offer(), Self.unsigned).entry
        let path = "\(bench.store.installedDirectory)/\(entry.file)"
        var bytes = try Self.bytes(path)
        bytes.append(0)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let host = bench.host()
        let refusal = host.loadAll(try bench.store.candidates(bench.folder)).first?.refusal
        #expect(refusal?.contains("another SHA-256 than in the lockfile") == true, "\(refusal ?? "loaded")")
        let listing = PluginListing(store: bench.store, folder: bench.folder)
        #expect(try listing.list().contains("\(entry.id)\trefused: its file is not the one"))
        #expect(try listing.info(entry.id).contains("NO: the file was changed"))
        host.shutdown()
    }

    @Test func enableDisableAndRemove() throws {
        let bench = try Bench()
        let own = LifePlugin(bench.scratch, suffix: "_own")
        try own.build("1.0.0", to: "\(bench.folder)/own.so")
        _ = try bench.installer.install(try bench.offer(), Self.unsigned)
        func refusals() throws -> [Bool] { try bench.store.candidates(bench.folder).map { $0.refusal != nil } }
        #expect(try refusals() == [false, false])
        for (id, off) in [(bench.plugin.id, [true, false]), (own.id, [false, true])] {
            _ = try bench.store.setEnabled(id, false, isKnown: id == own.id)
            #expect(try refusals() == off)
            let listing = PluginListing(store: bench.store, folder: bench.folder)
            #expect(try listing.list().contains("\(id)\t1.0.0\tdisabled"))
            #expect(
                try bench.store.candidate(id, folder: bench.folder)?.refusal?.contains("plugin enable \(id)") == true)
            _ = try bench.store.setEnabled(id, true, isKnown: id == own.id)
            #expect(try refusals() == [false, false])
        }
        // An update keeps what is off off.
        _ = try bench.store.setEnabled(bench.plugin.id, false, isKnown: false)
        #expect(try bench.installer.install(try bench.offer("1.1.0"), Self.unsigned).entry.enabled == false)

        #expect(
            reason { _ = try bench.store.setEnabled("test.none", false, isKnown: false) }.contains("there is no plugin")
        )
        #expect(reason { try bench.store.remove(own.id) }.contains("was not installed"))
        try bench.store.remove(bench.plugin.id)
        #expect(try bench.store.lock().plugins.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.store.installedDirectory).isEmpty)
        #expect(try bench.store.candidate(bench.plugin.id, folder: bench.folder) == nil)
    }

    @Test func quarantineKeepsAPluginOutUntilItIsEnabled() throws {
        let bench = try Bench()
        let id = try bench.installer.install(try bench.offer(), Self.unsigned).entry.id
        let now = time(nil)
        let lines = (0..<2).map { "1 \(now - 10 + $0) SIGSEGV lane \(id) /boom\n" }.joined()
        try Data(lines.utf8).write(to: URL(fileURLWithPath: bench.store.crashPath))
        let told = try bench.store.judgeCrashes()
        #expect(told.count == 1 && told[0].contains("it took the bot down 2 times within 1 s"), "\(told)")
        #expect(try bench.store.judgeCrashes().isEmpty, "told once")
        #expect(try bench.store.candidates(bench.folder)[0].refusal?.contains("SIGSEGV in /boom") == true)
        let line = try bench.store.setEnabled(id, true, isKnown: false)
        #expect(line == "\(id) is enabled and out of quarantine")
        #expect(try bench.store.judgeCrashes().isEmpty, "what is over does not count again")
        #expect(try bench.store.candidates(bench.folder)[0].refusal == nil)
    }

    @Test func commandsThatTwoPluginsWantAreToldAtInstall() throws {
        let bench = try Bench()
        func manifest(_ id: String, _ commands: String, to path: String) throws {
            let json =
                "{\\\"id\\\":\\\"\(id)\\\",\\\"version\\\":\\\"1.0.0\\\",\\\"abi\\\":1,\\\"commands\\\":\(commands)}"
            let source = "#include <timmybot/timmybot.h>\nTB_MANIFEST(\"\(json)\");\n"
            try Data(source.utf8).write(to: URL(fileURLWithPath: "\(bench.scratch.path)/m.c"))
            try run([
                "cc", "-std=c11", "-fPIC", "-shared", "-I", "\(repository)/sdk/include", "\(bench.scratch.path)/m.c",
                "-o", path,
            ])
        }
        try manifest("test.first", "[\\\"sing\\\",{\\\"name\\\":\\\"dance\\\"}]", to: "\(bench.folder)/first.so")
        try manifest("test.second", "[{\\\"name\\\":\\\"dance\\\"}]", to: bench.offered)
        let offer = PluginInstaller.Offer(bytes: try Self.bytes(bench.offered), signature: nil, source: "x")
        func refusal() -> String { reason { _ = try bench.installer.install(offer, Self.unsigned) } }
        #expect(refusal().contains("its command /dance is taken by test.first; disable that one first"))
        // An installed one of that id is what is loaded instead, and it may not want the command.
        try manifest("test.first", "[\\\"sing\\\"]", to: "\(bench.scratch.path)/other.so")
        let other = PluginInstaller.Offer(
            bytes: try Self.bytes("\(bench.scratch.path)/other.so"), signature: nil, source: "x")
        _ = try bench.installer.install(other, Self.unsigned)
        #expect(refusal() == "nothing was wrong")
        try bench.store.remove("test.second")
        try bench.store.remove("test.first")
        #expect(refusal().contains("is taken by test.first"))
        // The advice works.
        _ = try bench.store.setEnabled("test.first", false, isKnown: true)
        #expect(refusal() == "nothing was wrong")
        try manifest("test.third", "[\\\"dance\\\"]", to: bench.offered)
        let third = PluginInstaller.Offer(bytes: try Self.bytes(bench.offered), signature: nil, source: "x")
        func again() -> String { reason { _ = try bench.installer.install(third, Self.unsigned) } }
        #expect(again().contains("is taken by test.second; remove or disable that one first"))
        _ = try bench.store.setEnabled("test.second", false, isKnown: false)
        #expect(again() == "nothing was wrong")
    }

    /// What could not be read again is not written: the lockfile stays as it was.
    @Test func aLockfileThatWouldNotBeReadIsNotWritten() throws {
        let bench = try Bench()
        let entry = try bench.installer.install(try bench.offer(), Self.unsigned).entry
        var lock = try bench.store.lock()
        lock[".hidden"] = PluginLock.Entry(
            id: ".hidden", version: "1", abi: 1, sha256: entry.sha256, file: ".hidden-1.so", keyID: nil, source: "x",
            installedAt: entry.installedAt, enabled: true)
        #expect(reason { try lock.write(bench.store.lockPath) }.contains("left as it was"))
        #expect(try bench.store.lock().plugins == [entry])
    }

    @Test func theLockfileIsReadableAndDamagedOnesAreNotGuessedAt() throws {
        let bench = try Bench()
        _ = try bench.installer.install(try bench.offer(), Self.unsigned)
        let text = try String(contentsOfFile: bench.store.lockPath, encoding: .utf8)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object.keys.sorted() == ["disabled", "format", "plugins"])
        let mode = try FileManager.default.attributesOfItem(atPath: bench.store.lockPath)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        for bad in [
            "", "{}", text.replacingOccurrences(of: "\"format\" : 1", with: "\"format\" : 2"),
            text.replacingOccurrences(of: bench.plugin.id + "-", with: "../" + bench.plugin.id + "-"),
        ] {
            #expect(bad != text)
            try Data(bad.utf8).write(to: URL(fileURLWithPath: bench.store.lockPath))
            #expect(reason { _ = try bench.store.lock() }.contains("not a lockfile"), "\(bad)")
        }
    }

    @Test func infoPrintsWhatTheFileSaysAndNothingMovesTheCursor() throws {
        let bench = try Bench()
        let entry = try bench.installer.install(try bench.offer(), Self.unsigned).entry
        let listing = PluginListing(store: bench.store, folder: bench.folder)
        let text = try listing.info(entry.id)
        for part in [entry.id, "1.0.0", entry.sha256, bench.offered, "nobody (--unsigned)", "enabled      yes"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(bench.plugin.events.isEmpty, "nothing of it ran")
        #expect(try listing.info(bench.offered).contains(entry.sha256))
        #expect(reason { _ = try listing.info("test.none") }.contains("there is no plugin"))
        #expect(reason { _ = try listing.info(#filePath) }.contains("not an ELF"))
    }
}
