import CBenchFloor
import CTimmyBot
import PluginHost

/// A command's C function through libffi, as the plugin host calls it, and by the uniform `invoke`, beside the same
/// function called from C.
struct CallBench {
    private static let calls = 500_000
    private static let rounds = 3
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws {
        guard let typed = TypedCall([TB_T_STR, TB_T_INT, TB_T_NUM]) else {
            return print("Typed call: skipped, libffi refuses the signature\n")
        }
        let least = try await Slices.least(
            Self.rounds * options.rounds,
            [
                { measureTyped(typed) }, { measureUniform() },
                { Double(tb_bench_direct_calls(Self.calls)) / Double(Self.calls) },
            ])
        var table = Table(
            "Call of a plugin's command (text, integer, number): nanoseconds of wall time a call",
            ["path", "ns", "ratio"])
        for (name, value) in zip(["typed, through libffi", "uniform invoke", "directly from C"], least) {
            table.add([name, value.text(1), value.ratio(to: least[2])])
        }
        table.print()
    }

    private func measureTyped(_ typed: TypedCall) -> Double {
        let function = unsafeBitCast(
            tb_bench_command
                as @convention(c) (
                    UnsafeMutableRawPointer?, UInt64, UnsafeRawPointer?, UnsafeRawPointer?, Int64, Double
                ) -> Int32, to: tb_fn.self)
        return measure { typed.call(function, $0, $1, $2, $3) }
    }

    /// Through the pointer in the plugin's table and an array of values in C memory, as the host does.
    private func measureUniform() -> Double {
        measure { instance, task, invocation, values in
            values.withUnsafeBufferPointer { tb_bench_invoke(instance, task, invocation, $0.baseAddress, $0.count) }
        }
    }

    private func measure(
        _ call: (UnsafeMutableRawPointer, UInt64, UnsafePointer<tb_invocation_v1>, [tb_value_v1]) -> Int32
    ) -> Double {
        var text: [CChar] = Array("a song by its name".utf8CString), instance = 0
        var failures = 0
        let nanoseconds = text.withUnsafeMutableBufferPointer { text -> Int64 in
            let words = tb_str(ptr: UnsafePointer(text.baseAddress), len: text.count - 1)
            let values = [value(TB_T_STR, words), value(TB_T_INT, tb_str()), value(TB_T_NUM, tb_str())]
            var invocation = tb_invocation_v1()
            invocation.command = words
            let start = tb_now()
            for task in 0..<Self.calls where call(&instance, UInt64(task), &invocation, values) != TB_OK {
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
