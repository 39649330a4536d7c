import Foundation
import Glibc
import PluginHost
import TestSupport
import Testing

@testable import PluginStore

/// Who took the process down, and what follows from it.
@Suite("Crashes")
struct CrashTests {
    // MARK: The handler

    /// Ends as `mode` says; how, and the lines of the crash file.
    private func crash(_ mode: String, kill number: Int32? = nil) throws -> (status: Int32, crashes: [PluginCrash]) {
        let scratch = try Scratch()
        let (program, faults) = ("\(scratch.path)/crasher", "\(scratch.path)/faults.so")
        try run([
            "cc", "-std=c11", "-O0", "-I", "\(repository)/Sources/CBreadcrumb/include", "\(fixtures)/crasher.c",
            "\(repository)/Sources/CBreadcrumb/breadcrumb.c", "-o", program, "-lpthread", "-ldl",
        ])
        try run(["cc", "-std=c11", "-O0", "-fPIC", "-shared", "\(fixtures)/faults.c", "-o", faults])
        let child = try ChildProcess([program, "\(scratch.path)/crashes", mode, faults])
        if let number {
            _ = child.readLine()
            child.send(number)
        }
        _ = child.readAll()
        let status = child.wait()
        let text = (try? String(contentsOfFile: "\(scratch.path)/crashes", encoding: .utf8)) ?? ""
        #expect(text.split(separator: "\n").count == PluginCrash.list(text).count, "\(text)")
        return (status, PluginCrash.list(text))
    }

    @Test(arguments: [
        (SIGSEGV, "SIGSEGV"), (SIGBUS, "SIGBUS"), (SIGILL, "SIGILL"), (SIGFPE, "SIGFPE"), (SIGABRT, "SIGABRT"),
        (SIGTRAP, "SIGTRAP"),
    ])
    func everyFatalSignalIsBlamedAndStillEndsTheProcess(_ number: Int32, _ name: String) throws {
        let (status, crashes) = try crash("raise-\(number)")
        #expect(status == -number)
        let crash = try #require(crashes.first)
        #expect(crashes.count == 1 && crash.signal == name && crash.plugin == "test.lane")
        #expect(crash.evidence == "lane" && crash.call == "/boom_now")
        #expect(abs(crash.time - Int64(time(nil))) < 60)
    }

    @Test func aFaultAndAStackThatRanOut() throws {
        let (nullStatus, null) = try crash("null")
        #expect(nullStatus == -SIGSEGV && null.first?.plugin == "test.lane" && null.first?.call == "open")
        let (deepStatus, deep) = try crash("overflow")
        #expect(deepStatus == -SIGSEGV && deep.first?.plugin == "test.deep" && deep.first?.call == "resolve")
    }

    @Test func aPluginsOwnThreadIsBlamedByItsCode() throws {
        let (_, code) = try crash("code")
        #expect(
            code.first?.plugin == "test.faults" && code.first?.evidence == "code" && code.first?.signal == "SIGSEGV")
        let (_, below) = try crash("below")
        #expect(below.first?.plugin == "test.faults" && below.first?.evidence == "stack", "\(below)")
    }

    @Test func nobodyIsBlamedForWhatIsNotTheirs() throws {
        let (status, crashes) = try crash("left")
        #expect(status == -SIGABRT && crashes.count == 1 && crashes[0].plugin == nil && crashes[0].call == nil)
        let (killed, none) = try crash("wait", kill: SIGSEGV)
        #expect(killed == -SIGSEGV && none.isEmpty, "what comes from outside is nobody's crash")
    }

    // MARK: Quarantine

    private func line(_ time: Int64, _ plugin: String, _ call: String = "/x") -> String {
        "1 \(time) SIGSEGV lane \(plugin) \(call)"
    }

    private func judged(_ lines: [String]) -> Quarantine {
        var quarantine = Quarantine()
        _ = quarantine.judge(PluginCrash.list(lines.joined(separator: "\n")))
        return quarantine
    }

    @Test func twoCrashesInTenMinutes() {
        #expect(judged([line(1_000, "a")]).plugins.isEmpty)
        #expect(judged([line(1_000, "a"), line(1_001, "b")]).plugins.isEmpty)
        #expect(judged([line(1_000, "a"), line(1_601, "a")]).plugins.isEmpty)
        #expect(judged([line(1_000, "a"), line(1_600, "a")]).plugins.keys.sorted() == ["a"])
        #expect(judged([line(1_000, "-"), line(1_001, "-")]).plugins.isEmpty)
        // The two that count need not be the last ones, nor in order.
        #expect(judged([line(5_000, "a"), line(90, "a"), line(100, "a"), line(1, "b")]).plugins.keys.sorted() == ["a"])
        let reason = judged([line(1_000, "a"), line(1_030, "a", "/boom")]).plugins["a"]?.reason
        #expect(reason == "it took the bot down 2 times within 30 s, last by SIGSEGV in /boom")
    }

    @Test func linesThatAreNotTheHandlersAreNothing() {
        for bad in ["", "1", "2 1 S lane a b", "1 x S lane a b", "1 -5 S lane a b", "1 1 S lane a b c", "\0\0\0"] {
            #expect(PluginCrash.list(bad).isEmpty, "\(bad)")
        }
    }

    @Test func whoWasLetOutStartsAnew() {
        var quarantine = judged([line(1_000, "a"), line(1_001, "a")])
        let wasIn = quarantine.lift("a", now: 1_100)
        #expect(wasIn)
        var lines = [line(1_000, "a"), line(1_001, "a")]
        func judge() -> [String] { quarantine.judge(PluginCrash.list(lines.joined(separator: "\n"))) }
        #expect(judge().isEmpty && quarantine.plugins.isEmpty)
        lines.append(line(1_200, "a"))
        #expect(judge().isEmpty, "one since then")
        lines.append(line(1_300, "a"))
        #expect(judge() == ["a"])
        #expect(judge().isEmpty, "told once")
    }

    // MARK: Restarts

    private func decision(_ end: RestartPolicy.End, isStopping: Bool = false) -> RestartPolicy.Decision {
        var policy = RestartPolicy()
        if isStopping { policy.stop() }
        return policy.ended(end, lasted: 1)
    }

    @Test func restartsWaitLongerAndLonger() {
        var policy = RestartPolicy()
        let decisions = (0..<8).map { _ in policy.ended(.signalled(SIGSEGV), lasted: 1) }
        #expect(decisions == [1, 2, 4, 8, 16, 32, 60, 60].map { .restart(after: $0) })
        let late = policy.ended(.exited(1), lasted: 60)
        #expect(late == .restart(after: 1), "it had come up well")
    }

    @Test(arguments: [0, 64, 69, 75, 77, 78])
    func whatEndsOnPurposeIsNotRestarted(_ status: Int32) {
        #expect(decision(.exited(status)) == .exit(status))
    }

    @Test(arguments: [1, 63, 79, 130])
    func everyOtherStatusIs(_ status: Int32) {
        #expect(decision(.exited(status)) == .restart(after: 1))
    }

    @Test func whoIsStoppingStaysStopped() {
        #expect(decision(.signalled(SIGTERM), isStopping: true) == .exit(143))
        #expect(decision(.exited(1), isStopping: true) == .exit(1))
    }
}
