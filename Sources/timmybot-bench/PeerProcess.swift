import Foundation

/// scripts/bench_discordpy.py, one JSON object a line either way.
final class PeerProcess {
    private let process = Process()
    private let input = Pipe(), output = Pipe()
    private var pending = Data()

    /// Nil with a reason where it cannot be run at all.
    static func whyNot() -> String? {
        if !FileManager.default.isExecutableFile(atPath: python) { return "no Python at \(python) (TIMMYBOT_PYTHON)" }
        if !FileManager.default.fileExists(atPath: script) { return "no \(script) in the current folder" }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let found = path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/ffmpeg") }
        return found ? nil : "no ffmpeg"
    }

    private static var python: String { ProcessInfo.processInfo.environment["TIMMYBOT_PYTHON"] ?? ".venv/bin/python" }
    private static let script = "scripts/bench_discordpy.py"

    init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = [Self.script] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    func say(_ key: String, _ payloads: [[UInt8]]) throws {
        let digits = payloads.map { [key: $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()] }
        try input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(digits) + Data([10]))
    }

    func hear<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = Data(pending[..<end])
                pending = Data(pending[(end + 1)...])
                if let missing = try? JSONDecoder().decode(Missing.self, from: line) {
                    throw BenchError(missing.missing)
                }
                return try JSONDecoder().decode(type, from: line)
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw BenchError("discord.py's script ended early") }
            pending += more
        }
    }

    private struct Missing: Decodable { let missing: String }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }
}
