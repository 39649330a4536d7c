import Foundation

/// Test vectors and API descriptions of others that are too large, or not ours, to be in the repository.
public enum SharedSpecs {
    /// TIMMYBOT_SPECS, or `shared/specs` beside the checkout.
    public static let root: String =
        ProcessInfo.processInfo.environment["TIMMYBOT_SPECS"]
        ?? (repositoryRoot as NSString).deletingLastPathComponent + "/shared/specs"

    public static func path(_ name: String) -> String { "\(root)/\(name)" }
    public static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Why tests that need them are skipped.
    public static let absence = "not in \(root): set TIMMYBOT_SPECS to a folder with mls/, crypto/ and discord/"
}
