import Foundation
import Testing

@testable import PluginCheck

/// Each plugin of `Tests/BadPlugins` is wrong in one way, and is refused for that and for nothing else.
@Suite("Bad plugins", .serialized)
struct BadPluginTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        /// The check that must fail.
        let id: String
        /// Part of the reason.
        let reason: String
        var options: [String] = []
        var linked: [String]?
        var testDescription: String { name }

        init(_ name: String, _ id: String, _ reason: String, _ options: [String] = [], linked: [String]? = nil) {
            self.name = name
            self.id = id
            self.reason = reason
            self.options = options
            self.linked = linked
        }
    }

    private static let map = "-Wl,--version-script=\(repository)/sdk/plugin.map"

    private static let file = [
        Fault("NO_MANIFEST", "L0.manifest", "no section"),
        Fault("", "L0.manifest", "ABI 2", [#"-DMANIFEST="{\"id\":\"test.check\",\"version\":\"1\",\"abi\":2}""#]),
        Fault("", "L0.manifest", "not the JSON", [#"-DMANIFEST="{\"id\":""#]),
        Fault("MORE_EXPORTS", "L0.exports", "helper", linked: ["-Wl,-z,nodelete"]),
        Fault("OTHER_MAJOR", "L0.exports", "another major", linked: ["-Wl,-z,nodelete"]),
        Fault("NEEDS_LIBRARY", "L0.needed", "libz.so", linked: ["-Wl,-z,nodelete", map, "-lz"]),
        Fault("", "L0.nodelete", "-z nodelete", linked: [map]),
        Fault("", "L0.runpath", "'lib'", linked: ["-Wl,-z,nodelete", map, "-Wl,-rpath,lib"]),
        Fault("", "L0.runpath", "anybody may write", linked: ["-Wl,-z,nodelete", map, "-Wl,-rpath,/tmp/lib"]),
        Fault("", "L0.execstack", "noexecstack", linked: ["-Wl,-z,nodelete", map, "-Wl,-z,execstack"]),
        Fault("TEXTREL", "L0.textrel", "-fPIC", linked: ["-Wl,-z,nodelete", map, "-Wl,-z,notext"]),
    ]
    private static let loading = [
        Fault("UNRESOLVED", "L1.loads", "nobody_has_this"), Fault("NULL_TABLE", "L1.entry", "NULL"),
        Fault("OTHER_TABLE", "L1.entry", "another table"), Fault("MAGIC", "L1.table", "12345678"),
        Fault("SIZE", "L1.table", "80 bytes"), Fault("NO_STOP", "L1.table", "must all be there"),
        Fault("VERSION", "L1.identity", "manifest"), Fault("LOAD_THREAD", "L1.footprint", "thread"),
        Fault("LOAD_DESCRIPTOR", "L1.footprint", "descriptor"), Fault("LOAD_SIGNAL", "L1.footprint", "signal"),
        Fault("LOAD_ENVIRONMENT", "L1.footprint", "environment"), Fault("LOAD_LOCALE", "L1.footprint", "locale"),
        Fault("LOAD_FOLDER", "L1.footprint", "directory"), Fault("LOAD_PRINTS", "L1.quiet", "hello from"),
        Fault("LOAD_CRASH", "L1.load.survives", "SIGABRT"), Fault("LOAD_EXIT", "L1.load.survives", "status 3"),
    ]
    private static let tables = [
        Fault("COMMAND_NAME", "L2.commands", "name"), Fault("COMMAND_TWICE", "L2.commands", "twice"),
        Fault("COMMAND_TEXT", "L2.commands", "description"), Fault("UTF8", "L2.commands", "description"),
        Fault("TOO_MANY_COMMANDS", "L2.commands", "101"), Fault("TOO_MANY_PARAMS", "L2.commands", "26"),
        Fault("NO_PARAMS", "L2.commands", "lacks"), Fault("NO_HANDLER", "L2.commands", "nothing to call"),
        Fault("PARAM_NAME", "L2.commands", "option 1"), Fault("PARAM_TEXT", "L2.commands", "description"),
        Fault("PARAM_TYPE", "L2.commands", "type 77"), Fault("PARAM_TWICE", "L2.commands", "two options"),
        Fault("PARAM_OPTION", "L2.commands", "TB_PARAM_OPTIONAL"), Fault("CHOICES", "L2.commands", "26 choices"),
        Fault("CHOICES_AND_AUTOCOMPLETE", "L2.commands", "one of them"),
        Fault("NO_AUTOCOMPLETE", "L2.commands", "autocomplete"), Fault("BOUNDS", "L2.commands", "bounds"),
        Fault("SOURCE_HALF", "L2.source", "open"), Fault("ANSWERS_EVERYTHING", "L2.extensions", "nobody has"),
        Fault("TABLE_CHANGES", "L2.extensions", "another table"),
    ]
    private static let behaviour = [
        Fault("NEEDS_STORE", "L3.extensions.survives", "SIGSEGV"),
        Fault("REFUSES_SILENTLY", "L3.extensions", "logs no reason"),
        Fault("LEAKS_MEMORY", "L3.lifetime", "bytes"), Fault("LEAKS_DESCRIPTOR", "L3.lifetime", "descriptors"),
        Fault("LEAKS_THREAD", "L3.lifetime", "threads"), Fault("MATCH_SLOW", "L3.match", "ms"),
        Fault("MATCH_READS", "L3.match", "no I/O"), Fault("MATCH_SCORE", "L3.match", "1000"),
        Fault("SETTLES_TWICE", "L3.settling", "more than once"),
        Fault("COMMAND_CRASH", "L3.settling.survives", "/hello"),
        Fault("COMMAND_TRAP", "L3.settling.survives", "/hello"),
        Fault("COMMAND_PRINTS", "L3.quiet", "said hello"), Fault("NOT_JSON", "L3.settling", "JSON"),
        Fault("TRACK_KEY", "L3.settling", "key"), Fault("TRACK_UTF8", "L3.settling", "UTF-8"),
        Fault("READ_PIECES", "L3.reader", "something else"), Fault("READ_TOO_MUCH", "L3.reader", ""),
        Fault("SEEK", "L3.reader", "seek"), Fault("FUZZ_VALUE", "L3.fuzz.survives", "/hello"),
        Fault("FUZZ_TEXT", "L3.fuzz.survives", "/hello"), Fault("NEVER_SETTLES", "L3.settling", "never settled"),
        Fault("KEEPS_POINTER", "L3.settling", ""), Fault("COMMAND_HANG", "L3.settling", "/hello"),
        Fault("SETTLES_AND_REFUSES", "L3.settling", "-11"), Fault("STOP_HANGS", "L3.settling", "stop"),
        Fault("CLOSES_DESCRIPTORS", "L3.settling.survives", "closed"),
    ]

    @Test func theGoodOnePasses() throws {
        let scratch = try Scratch()
        let report = try check(try build(in: scratch))
        #expect(report.failures.isEmpty, "\(report.text(verbose: true))")
        #expect(report.exitCode == 0 && report.plugin == "test.check" && report.version == "1.0.0")
        #expect(!report.results.contains { $0.verdict == .skip && $0.id == "L3.reader" }, "its example must be tried")
    }

    /// What grows for a while and then no more is a cache.
    @Test func aCacheThatFillsIsNoLeak() throws {
        let scratch = try Scratch()
        let report = try check(try build("", ["-DCACHE_FILLS"], in: scratch))
        #expect(report.failures.isEmpty, "\(report.text(verbose: true))")
    }

    /// It makes more calls than are reported on, in more time than a group has, and says how many.
    @Test func theFuzzGoesOnForSoLong() throws {
        let scratch = try Scratch()
        let path = try build(in: scratch)
        let clock = ContinuousClock()
        var report: CheckReport?
        let took = try clock.measure { report = try check(path, seconds: 20, fuzz: .seconds(2)) }
        let fuzz = try #require(report?.results.first { $0.id == "L3.fuzz" })
        #expect(fuzz.verdict == .pass, "\(fuzz)")
        let calls = try #require(fuzz.detail.wholeMatch(of: /(\d+) calls/).flatMap { Int($0.1) })
        #expect(calls > 500 && took >= .seconds(2), "\(calls) calls in \(took)")
        #expect(report?.text(verbose: false).contains("\(calls) calls") == true)
        let short = try check(path, rounds: 10)
        let few = try #require(short.results.first { $0.id == "L3.fuzz" }?.detail)
        #expect(few.wholeMatch(of: /\d+ calls/) != nil && few != fuzz.detail, "\(few)")
    }

    @Test(arguments: file) func theFileIsRefused(_ fault: Fault) throws {
        try expect(fault, level: 0)
    }

    @Test(arguments: loading) func loadingIsRefused(_ fault: Fault) throws {
        try expect(fault, level: 1)
    }

    @Test(arguments: tables) func tablesAreRefused(_ fault: Fault) throws {
        try expect(fault, level: 2)
    }

    @Test(arguments: behaviour) func behaviourIsRefused(_ fault: Fault) throws {
        try expect(fault, level: 3)
    }

    @Test func aPluginThatHangsIsCutOff() throws {
        let scratch = try Scratch()
        let report = try check(try build("LOAD_HANG", in: scratch), level: 1, seconds: 2)
        #expect(report.failures.map(\.id) == ["L1.load.survives"])
        #expect(report.failures.first?.detail.contains("hung") == true)
    }

    private func expect(_ fault: Fault, level: Int) throws {
        let scratch = try Scratch()
        let report = try check(
            try build(fault.name, fault.options, linked: fault.linked, in: scratch), level: level)
        #expect(report.exitCode == 1)
        let found = report.failures.first { $0.id == fault.id }
        #expect(found != nil, "\(fault.name) must fail \(fault.id):\n\(report.text(verbose: true))")
        #expect(
            fault.reason.isEmpty || found?.detail.contains(fault.reason) == true,
            "\(fault.name): \(found?.detail ?? "-") should name “\(fault.reason)”")
        #expect(report.failures.count == 1, "\(fault.name):\n\(report.text(verbose: false))")
    }
}
