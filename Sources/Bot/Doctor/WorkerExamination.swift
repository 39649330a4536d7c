import Foundation

/// The media worker: whether it starts with its libraries, and whether the kernel lets it confine itself.
struct WorkerExamination: Sendable {
    /// Starts a program with arguments; nil where it cannot be started or does not end.
    typealias Run = @Sendable (String, [String]) async -> (status: Int32, output: String)?

    private static let subject = "media worker"
    let path: String
    let run: Run

    func finding() async -> Finding {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            return .bad(
                Self.subject, "\(path) is not there or cannot be executed",
                "build it with `make build`, or set TIMMYBOT_MEDIA_WORKER")
        }
        guard let version = await run(path, ["--version"]) else {
            return .bad(Self.subject, "\(path) does not start or does not end", "check what the file is")
        }
        guard version.status == 0 else {
            return .bad(
                Self.subject, "\(path) does not start: \(Self.line(version))",
                "install libavformat59, libavcodec59, libavfilter8, libswresample4, libopus0 and libseccomp2, "
                    + "or run scripts/setup")
        }
        return await confinement(Self.line(version))
    }

    private func confinement(_ version: String) async -> Finding {
        let remedy =
            "allow seccomp and prctl for this process (a container's security options); nothing is played without"
        guard let test = await run(path, ["--self-test"]) else {
            return .bad(Self.subject, "its self-test does not end", remedy)
        }
        let open = test.output.split(separator: "\n").filter { $0.hasSuffix("ALLOWED") }
        guard open.isEmpty else {
            let names = open.map { $0.prefix { $0 != ":" } }.joined(separator: ", ")
            return .bad(Self.subject, "it may still do what it must not: \(names)", remedy)
        }
        guard test.status == 0 else {
            return .bad(Self.subject, "the kernel does not let it confine itself: \(Self.line(test))", remedy)
        }
        return .good(Self.subject, "\(version), confined")
    }

    /// The first thing it said, for people.
    private static func line(_ outcome: (status: Int32, output: String)) -> String {
        let first = outcome.output.split(separator: "\n").first.map { String($0.prefix(200)) }
        return first ?? "status \(outcome.status)"
    }
}

/// A program that is run to its end, on a thread of its own.
enum Subprocess {
    static func run(
        _ path: String, _ arguments: [String], limit: TimeInterval = 10
    ) async -> (status: Int32, output: String)? {
        await withCheckedContinuation { done in
            Thread.detachNewThread { done.resume(returning: start(path, arguments, limit)) }
        }
    }

    private static func start(
        _ path: String, _ arguments: [String], _ limit: TimeInterval
    ) -> (status: Int32, output: String)? {
        let process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        do { try process.run() } catch { return nil }
        let pid = process.processIdentifier
        let alarm = DispatchWorkItem { kill(pid, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + limit, execute: alarm)
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        alarm.cancel()
        guard process.terminationReason == .exit else { return nil }
        return (process.terminationStatus, String(decoding: bytes.prefix(1 << 16), as: UTF8.self))
    }
}
