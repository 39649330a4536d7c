import Foundation
import Testing

@testable import PluginHost

/// A plugin that is not as it should be is refused for its own reason, and costs only itself.
@Suite("Loading plugins")
struct LoadTests {
    static let bad: [(define: String, reason: String)] = [
        ("BAD_NO_MANIFEST", "no manifest"),
        ("BAD_MANIFEST_JSON", "not the JSON"),
        ("PLUGIN_ABI=\"2\"", "ABI 2"),
        ("MANIFEST_ID=\"Test Bad\"", "id may only have"), ("PLUGIN_ID=\".test\"", "a letter or digit first"),
        ("PLUGIN_ID=\"-test\"", "a letter or digit first"),
        ("MANIFEST_ID=\"test.other\"", "id is not its manifest's"),
        ("BAD_NO_SYMBOL", "does not export timmybot_plugin_v1"),
        ("BAD_NULL_TABLE", "answers nothing"),
        ("BAD_MAGIC", "12345678"),
        ("BAD_SIZE", "80 bytes instead of 72"),
        ("BAD_VERSION", "version is not its manifest's"),
        ("BAD_NO_EXTENSIONS", "no get_extension"),
        ("BAD_NO_CREATE", "no create function"),
        ("BAD_CREATE", "refused to start (status -5)"),
        ("BAD_CREATE_HANGS", "does not return"),
        ("BAD_UNRESOLVED", "nobody_has_this"),
        ("COMMAND_NAME=\"Hello There\"", "name that Discord does not take"),
        ("BAD_NO_TEXT", "needs a description"),
        ("BAD_UTF8", "needs a description"),
        ("BAD_NO_HANDLER", "nothing to call"),
        ("BAD_TOO_MANY_PARAMS", "more than 25 options"),
        ("BAD_NULL_PARAMS", "lacks its options"),
        ("BAD_PARAM_TYPE", "unknown type"),
        ("BAD_PARAM_NAME", "option whose name"),
        ("BAD_CHOICES", "more than 25 choices"), ("BAD_LESS_CHOICES", "more than 25 choices"),
        ("BAD_TOO_MANY_COMMANDS", "too many commands"), ("BAD_LESS_COMMANDS", "too many commands"),
    ]

    @Test(arguments: bad)
    func theBadOneIsRefused(_ define: String, _ reason: String) throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/bad.so"
        try compile("bad.c", ["-D\(define)"], to: path)
        let host = makeHost(scratch)
        let reports = host.loadAll()
        #expect(reports.count == 1 && reports[0].refusal?.contains(reason) == true, "\(reports)")
        #expect(host.commands.isEmpty)
    }

    @Test func theSameOneWithoutItsFaultIsLoaded() throws {
        let scratch = try Scratch()
        try compile("bad.c", to: "\(scratch.path)/good.so")
        let host = makeHost(scratch)
        #expect(host.loadAll().map(\.refusal) == [nil])
        #expect(host.commands.map(\.name) == ["hello"])
        #expect(host.commands.first?.parameters.first?.name == "word")
    }

    @Test func aBadOneCostsOnlyItself() throws {
        let scratch = try Scratch()
        try compile("bad.c", ["-DBAD_MAGIC", "-DPLUGIN_ID=\"test.first\""], to: "\(scratch.path)/a.so")
        try compile("bad.c", to: "\(scratch.path)/b.so")
        try compile("bad.c", ["-DCOMMAND_NAME=\"other\""], to: "\(scratch.path)/c.so")
        try compile("bad.c", ["-DPLUGIN_ID=\"test.second\""], to: "\(scratch.path)/d.so")
        try Data("not a plugin".utf8).write(to: URL(fileURLWithPath: "\(scratch.path)/e.so"))
        try Data().write(to: URL(fileURLWithPath: "\(scratch.path)/f.so"))
        try FileManager.default.createDirectory(atPath: "\(scratch.path)/g.so", withIntermediateDirectories: true)
        let reasons = makeHost(scratch).loadAll().map { $0.refusal ?? "loaded" }
        #expect(reasons.count == 7)
        #expect(reasons[0].contains("magic") && reasons[1] == "loaded", "\(reasons)")
        #expect(reasons[2].contains("id test.bad is loaded already"), "\(reasons)")
        #expect(reasons[3].contains("/hello is taken by test.bad"), "\(reasons)")
        #expect(reasons[4].contains("not an ELF") && reasons[5].contains("not an ELF"), "\(reasons)")
        #expect(reasons[6].contains("cannot be read"), "\(reasons)")
    }

    @Test func aMissingFolderIsNoPlugins() throws {
        let scratch = try Scratch()
        let host = PluginHost(
            PluginHost.Configuration(directory: "\(scratch.path)/nowhere", cacheDirectory: "\(scratch.path)/cache"),
            services: PluginServices(player: NoServices(), probe: NoServices()), logger: .init(label: "plugins"))
        #expect(host.loadAll().isEmpty && host.commands.isEmpty && host.sources.isEmpty)
    }

    /// Any cut and any flipped byte of the headers is an answer, never a crash; none of them is loaded.
    @Test func filesThatAreCutOrBent() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/good.so"
        try compile("bad.c", to: path)
        let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for length in stride(from: 0, to: whole.count, by: 97) {
            #expect(throws: PluginRefusal.self) { try Self.read(Array(whole.prefix(length))) }
        }
        var readable = 0
        let table = whole.count - 64 * Int(whole[60])
        for place in Array(0..<64) + Array(table..<whole.count) {
            for bit in [UInt8(1), 0x80, 0xFF] {
                var bent = whole
                bent[place] ^= bit
                if (try? Self.read(bent)) != nil { readable += 1 }
            }
        }
        #expect(readable > 0, "most fields of a header do not concern the manifest")
    }

    /// Of a file without a zero byte each of its many names would go on to its end.
    @Test(.timeLimit(.minutes(5))) func namesWithoutAnEnd() throws {
        let count = 4_096, table = 64
        var bytes = [UInt8](repeating: 1, count: 32 << 20)
        func put(_ value: UInt64, _ size: Int, at place: Int) {
            for index in 0..<size { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        }
        bytes.replaceSubrange(0..<6, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
        #if arch(x86_64)
            put(62, 2, at: 18)
        #else
            put(183, 2, at: 18)
        #endif
        put(3, 2, at: 16)
        put(UInt64(table), 8, at: 40)
        put(64, 2, at: 58)
        put(UInt64(count), 2, at: 60)
        put(0, 2, at: 62)
        for index in 0..<count { put(UInt64(index), 4, at: table + index * 64) }
        put(UInt64(table + count * 64), 8, at: table + 24)
        #expect(throws: PluginRefusal.self) { try Self.read(bytes) }
    }

    @Test func anotherMachinesFile() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/foreign.so"
        try compile("bad.c", to: path)
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[18] = 243  // EM_RISCV
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(makeHost(scratch).loadAll().first?.refusal?.contains("another machine") == true)
    }

    private static func read(_ bytes: [UInt8]) throws -> PluginManifest {
        guard let section = try ELFFile(bytes).section("timmybot_manifest") else { throw PluginRefusal("none") }
        return try PluginManifest(json: section)
    }

    /// A file that is replaced while its plugin is loaded does not pull the code away.
    @Test func theLoadedFileMayBeReplaced() async throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/behaviour.so"
        try compile("behaviour.c", to: path)
        let host = makeHost(scratch)
        #expect(host.loadAll().map(\.refusal) == [nil])
        try Data(repeating: 0, count: 100_000).write(to: URL(fileURLWithPath: path))
        #expect(try await host.text("second_status", [:]) == "1")
        host.shutdown()
    }
}
