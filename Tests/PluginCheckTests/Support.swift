import Foundation
import TestSupport
import Testing

@testable import PluginCheck

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// A folder that goes away with the test.
final class Scratch: Sendable {
    let path = NSTemporaryDirectory() + "timmybot-check-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct Failed: Error, CustomStringConvertible { let description: String }

/// The plugin of `Tests/BadPlugins`, as a C compiler makes it that sees nothing but the SDK's headers.
///
/// - Parameter fault: what is wrong with it; empty for nothing.
func build(_ fault: String = "", _ options: [String] = [], linked: [String]? = nil, in scratch: Scratch) throws
    -> String
{
    let path = "\(scratch.path)/plugin\(fault).so"
    let sound = ["-Wl,-z,nodelete", "-Wl,--version-script=\(repository)/sdk/plugin.map"]
    let arguments =
        [
            "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fPIC", "-shared", "-O1",
            "-fvisibility=hidden", "-I", "\(repository)/sdk/include",
        ] + (fault.isEmpty ? [] : ["-DFAULT_\(fault)"]) + options + [
            "\(repository)/Tests/BadPlugins/plugin.c", "-o", path,
        ]
        + (linked ?? sound)
    let child = try ChildProcess(arguments, errors: .pipe)
    let text = child.readAll()
    guard child.wait() == 0 else { throw Failed(description: text) }
    return path
}

/// Checks a file with a fixed seed; the child program is the one that was built beside these tests.
func check(
    _ path: String, level: Int = 3, rounds: Int = 60, seconds: Int = 20, fuzz: Duration? = nil
) throws -> CheckReport {
    let products = Bundle(for: Marker.self).bundlePath
    let folder = products.hasSuffix(".xctest") ? (products as NSString).deletingLastPathComponent : products
    var options = PluginCheck.Options(program: "\(folder)/timmybot-check", libraryPath: "")
    options.level = level
    options.seed = 7
    options.rounds = rounds
    options.fuzzTime = fuzz
    options.timeLimit = .seconds(seconds)
    return try PluginCheck(options).run(path)
}

private final class Marker {}

extension CheckReport {
    var failures: [CheckResult] { results.filter { $0.verdict == .fail } }
}
