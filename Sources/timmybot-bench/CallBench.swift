import CBenchFloor
import CTimmyBot
import PluginHost

/// A command's C function through libffi, as the plugin host calls it, beside the same function called from C.
struct CallBench {
    private static let calls = 2_000_000
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() {
        guard let typed = TypedCall([TB_T_STR, TB_T_INT, TB_T_NUM]) else {
            return print("Typed call: skipped, libffi refuses the signature\n")
        }
        let rounds = 0..<max(2, options.repeats)
        let through = rounds.map { _ in measure(typed) }.min() ?? 0
        let direct = rounds.map { _ in Double(tb_bench_direct_calls(Self.calls)) / Double(Self.calls) }.min() ?? 0
        var table = Table(
            "Typed call of a plugin's command (text, integer, number): nanoseconds of wall time a call",
            ["path", "ns", "ratio"])
        table.add(["through libffi", through.text(1), through.ratio(to: direct)])
        table.add(["directly from C", direct.text(1), "1.00x"])
        table.print()
    }

    private func measure(_ typed: TypedCall) -> Double {
        let function = unsafeBitCast(
            tb_bench_command
                as @convention(c) (
                    UnsafeMutableRawPointer?, UInt64, UnsafeRawPointer?, UnsafeRawPointer?, Int64, Double
                ) -> Int32, to: tb_fn.self)
        var text: [CChar] = Array("a song by its name".utf8CString), instance = 0
        var failures = 0
        let nanoseconds = text.withUnsafeMutableBufferPointer { text -> Int64 in
            let words = tb_str(ptr: UnsafePointer(text.baseAddress), len: text.count - 1)
            let values = [value(TB_T_STR, words), value(TB_T_INT, tb_str()), value(TB_T_NUM, tb_str())]
            var invocation = tb_invocation_v1()
            invocation.command = words
            let start = tb_now()
            for task in 0..<Self.calls where typed.call(function, &instance, UInt64(task), &invocation, values) != TB_OK
            {
                failures += 1
            }
            return tb_now() - start
        }
        precondition(failures == 0, "the command saw other arguments than it was given")
        return Double(nanoseconds) / Double(Self.calls)
    }

    private func value(_ type: Int32, _ text: tb_str) -> tb_value_v1 {
        tb_value_v1(type: type, present: 1, i: 7, f: 0.5, s: text)
    }
}
