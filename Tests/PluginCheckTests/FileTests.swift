import Foundation
import Testing

@testable import PluginCheck

@Suite("Files that are no plugins")
struct FileTests {
    private func report(_ bytes: [UInt8]) throws -> CheckReport {
        let scratch = try Scratch()
        let path = "\(scratch.path)/file.so"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try check(path)
    }

    @Test(arguments: [[], [0x7F], Array("hello, I am a text file and no plugin at all".utf8)] as [[UInt8]])
    func whatIsNoELFFile(_ bytes: [UInt8]) throws {
        #expect(try report(bytes).failures.map(\.id) == ["L0.elf"])
    }

    @Test func anotherMachine() throws {
        let scratch = try Scratch()
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: build(in: scratch))))
        bytes[18] = 243  // RISC-V
        let report = try report(bytes)
        #expect(report.failures.map(\.id) == ["L0.machine"])
        #expect(report.results.contains { $0.id == "L1.loads" && $0.verdict == .skip })
    }

    @Test func aNewerGlibc() throws {
        let scratch = try Scratch()
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: build(in: scratch))))
        let wanted = Array("GLIBC_2.".utf8)
        let place = try #require(bytes.indices.dropLast(16).first { Array(bytes[$0..<$0 + 8]) == wanted })
        bytes[place + 6] = UInt8(ascii: "9")
        #expect(try report(bytes).failures.contains { $0.id == "L0.glibc" && $0.detail.contains("9.") })
    }

    /// Cut at every length, and bent at every byte of its headers: an answer each time, and no crash.
    @Test func cutAndBentFiles() throws {
        let scratch = try Scratch()
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: build(in: scratch))))
        for length in stride(from: 0, to: whole.count, by: 61) { _ = try? ELFImage(Array(whole.prefix(length))) }
        for place in 0..<1_024 {
            for value: UInt8 in [0, 0x7F, 0xFF] {
                var bent = whole
                bent[place] = value
                _ = try? ELFImage(bent)
            }
        }
        #expect((try? ELFImage(whole)) != nil)
    }

    @Test func whatCannotBeRun() throws {
        #expect(throws: PluginCheck.CannotRun.self) { try check("/nowhere/plugin.so") }
        let options = PluginCheck.Options(program: "/nowhere/timmybot-check", libraryPath: "")
        let scratch = try Scratch()
        let path = try build(in: scratch)
        #expect(throws: PluginCheck.CannotRun.self) { try PluginCheck(options).run(path) }
    }

    @Test func aLongFuzzLosesNoResult() {
        let calls = (0..<1_000).map { "at\tcall \($0)\n" }.joined()
        let text = "result\tL3.a\tpass\t\n" + calls + "result\tL3.b\tfail\twhy\n" + calls + "at\tlast\nresult\tL3."
        let short = CheckChild.compacted(Array(text.utf8))
        #expect(short.count < 100)
        let (results, at) = CheckChild.parse(short + Array("c\tpass\t\n".utf8), [:])
        #expect(results.map(\.id) == ["L3.a", "L3.b", "L3.c"] && at == "last")
    }

    @Test func reportsInThreeForms() throws {
        let results = [
            CheckResult("L0.a", "one", .pass), CheckResult("L0.b", "two # of them", .fail, "because"),
            CheckResult("L0.c", "three", .skip, "no"),
        ]
        let report = CheckReport(file: "x.so", plugin: "a.b", version: "1", seed: 5, results: results)
        #expect(report.exitCode == 1)
        #expect(
            report.tap
                == "TAP version 14\n1..3\nok 1 - L0.a one\nnot ok 2 - L0.b two \\# of them\n# because\nok 3 - L0.c three # SKIP no"
        )
        #expect(report.text(verbose: false).hasPrefix("x.so: a.b 1\n  FAIL L0.b two # of them: because\n"))
        let decoded = try JSONDecoder().decode(CheckReport.self, from: Data(report.json.utf8))
        #expect(decoded == report)
    }
}
