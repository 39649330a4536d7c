import CTestSupport
import Foundation
import Glibc
import Synchronization

/// A program that a test starts, in a process group of its own.
///
/// Foundation's `Process` learns of the end from a socket that grandchildren and processes started at the same moment
/// inherit, so that waiting for a killed browser never returns; and it hands the signal mask of the concurrency pool's
/// threads, which block SIGTERM, down to the child. This one waits by pid and starts with nothing inherited.
public final class ChildProcess: Sendable {
    public struct Failure: Error, CustomStringConvertible { public let description: String }

    public enum Sink: Sendable { case pipe, discard }

    private struct State {
        var status: Int32?
        var rest: [UInt8] = []
    }

    public let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let state = Mutex(State())

    /// - Parameters:
    ///   - arguments: the program, looked up in PATH where it has no slash, and what it gets.
    ///   - environment: added to this process's own.
    ///   - errors: `.pipe` puts standard error into the same pipe as standard output.
    public init(
        _ arguments: [String], environment: [String: String] = [:], output sink: Sink = .pipe, errors: Sink? = nil
    ) throws {
        var toChild: [Int32] = [-1, -1], fromChild: [Int32] = [-1, -1]
        guard ts_pipe(&toChild) == 0, ts_pipe(&fromChild) == 0 else { throw Failure(description: "no pipe: \(errno)") }
        defer {
            close(toChild[0])
            close(fromChild[1])
        }
        let out = sink == .pipe ? fromChild[1] : -1
        let err: Int32 =
            switch errors {
            case .pipe: fromChild[1]
            case .discard: -1
            case nil: 2
            }
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var pid: pid_t = 0
        let failed = Self.withCStrings(arguments) { argv in
            Self.withCStrings(merged.map { "\($0)=\($1)" }) { ts_spawn(&pid, argv, $0, toChild[0], out, err) }
        }
        guard failed == 0 else {
            close(toChild[1])
            close(fromChild[0])
            throw Failure(description: "\(arguments[0]): \(String(cString: strerror(failed)))")
        }
        (self.pid, input, output) = (pid, toChild[1], fromChild[0])
    }

    deinit {
        stop()
        close(input)
        close(output)
    }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = strings.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }

    // MARK: Talking to it

    public func write(_ bytes: some Collection<UInt8>) throws {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress! + sent, $0.count - sent) }
            guard count > 0 else { throw Failure(description: "the process takes no input: \(errno)") }
            sent += count
        }
    }

    /// The next line of what it prints, without the line's end; nil at the end. Blocks; for one reader.
    public func readLine() -> [UInt8]? {
        while true {
            let line = state.withLock { state -> [UInt8]? in
                guard let end = state.rest.firstIndex(of: 10) else { return nil }
                defer { state.rest.removeSubrange(...end) }
                return Array(state.rest[..<end])
            }
            if let line { return line }
            guard let more = readSome() else { return nil }
            state.withLock { $0.rest += more }
        }
    }

    /// Everything that it prints until it ends. Blocks; for one reader.
    public func readAll() -> String {
        var bytes = state.withLock { $0.rest }
        while let more = readSome() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func readSome() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count > 0 { return Array(buffer[..<count]) }
            if count < 0, errno == EINTR { continue }
            return nil
        }
    }

    // MARK: Its end

    /// Waits for the end. The exit status, or the signal's number below zero.
    @discardableResult
    public func wait() -> Int32 {
        state.withLock { state in
            if let known = state.status { return known }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let ended = status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
            state.status = ended
            return ended
        }
    }

    public func send(_ signal: Int32) { kill(pid, signal) }

    /// Ends it and what it started.
    public func stop() {
        guard state.withLock({ $0.status }) == nil else { return }
        kill(-pid, SIGKILL)
        wait()
    }

    // MARK: All at once

    /// Runs a program to its end, away from the concurrency pool's threads; `limit` seconds at most.
    public static func run(
        _ arguments: [String], environment: [String: String] = [:], limit: Int = 240
    ) async throws -> (status: Int32, output: String) {
        let child = try ChildProcess(arguments, environment: environment, errors: .pipe)
        let watch = Task {
            try await Task.sleep(for: .seconds(limit))
            kill(-child.pid, SIGKILL)
        }
        defer { watch.cancel() }
        return await withCheckedContinuation { done in
            Thread.detachNewThread {
                let output = child.readAll()
                done.resume(returning: (child.wait(), output))
            }
        }
    }
}
