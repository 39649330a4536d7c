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

    /// Addresses and lengths at the ends of what a number can be.
    @Test(arguments: [UInt64(Int.max), UInt64(Int.max) - 64, .max, UInt64(Int.max) + 1])
    func numbersThatOverflow(_ value: UInt64) throws {
        let scratch = try Scratch()
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: build(in: scratch))))
        let huge = (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        func bent(_ place: Int) -> [UInt8] {
            var bytes = whole
            bytes.replaceSubrange(place..<place + 8, with: huge)
            return bytes
        }
        for place in [32, 40] { #expect(throws: ELFError.self) { try ELFImage(bent(place)) } }
        // The dynamic section's: tags of sixteen bytes each, of which DT_NEEDED is the first.
        let section = try #require(try ELFImage(whole).sections[".dynamic"])
        #expect(whole[section.lowerBound] == 1)
        #expect(throws: ELFError.self) { try ELFImage(bent(section.lowerBound + 8)) }
        for place in stride(from: section.lowerBound, to: section.upperBound, by: 8) { _ = try? ELFImage(bent(place)) }
    }

    @Test func whatCannotBeRun() throws {
        #expect(throws: PluginCheck.CannotRun.self) { try check("/nowhere/plugin.so") }
        let options = PluginCheck.Options(program: "/nowhere/timmybot-check", libraryPath: "")
        let scratch = try Scratch()
        let path = try build(in: scratch)
        #expect(throws: PluginCheck.CannotRun.self) { try PluginCheck(options).run(path) }
    }

    /// The child's lines, whole and byte by byte; of what is about to be called only the last is kept.
    @Test func whatTheChildSays() {
        let text =
            (0..<20_000).map { "at\t/hello in round \($0)\n" }.joined()
            + "result\tL3.fuzz\tpass\t20000 calls\nresult\tL3.x\tnonsense\t\nnoise\nat\tstop\nat\tcut"
        for piece in [1, 7, 4_096, text.utf8.count] {
            var report = ChildReport(titles: ["L3.fuzz": "fuzz"])
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: piece) {
                report.take(bytes[start..<min(start + piece, bytes.count)])
            }
            #expect(report.at == "stop")
            #expect(report.results == [CheckResult("L3.fuzz", "fuzz", .pass, "20000 calls")])
        }
    }

    /// Level 3 takes each of the host's extensions away in turn: all that the SDK has.
    @Test func everyHostExtensionIsTakenAway() throws {
        let headers = "\(repository)/sdk/include/timmybot"
        var defined: Set<Substring> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: headers) where name.hasSuffix(".h") {
            let text = try String(contentsOfFile: "\(headers)/\(name)", encoding: .utf8)
            for match in text.matches(of: #/#define (TB_EXT_[A-Z_]+) /#) { defined.insert(match.1) }
        }
        let plugins: Set<Substring> = [
            "TB_EXT_OAUTH", "TB_EXT_RECOMMEND", "TB_EXT_SOURCE", "TB_EXT_LYRICS", "TB_EXT_HEALTH", "TB_EXT_COMMANDS",
        ]
        let mock = "\(repository)/sdk/testing/mock"
        let text = try FileManager.default.contentsOfDirectory(atPath: mock)
            .map { try String(contentsOfFile: "\(mock)/\($0)", encoding: .utf8) }.joined()
        let check = try String(contentsOfFile: "\(repository)/Sources/timmybot-check/groups.c", encoding: .utf8)
        let list = try #require(check.firstMatch(of: /\*all\[\] = \{([^}]*)\}/)).1
        let taken = Set(list.matches(of: /TB_EXT_[A-Z_]+/).map(\.output))
        #expect(taken == defined.subtracting(plugins))
        #expect(taken.allSatisfy { text.contains($0) }, "the mock host has them all")
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
        let array = try JSONDecoder().decode(
            [CheckReport].self, from: Data(CheckReport.json(of: [report, report]).utf8))
        #expect(array == [report, report])
    }
}
