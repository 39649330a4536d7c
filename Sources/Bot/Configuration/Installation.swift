import Foundation

/// Where the parts of TimmyBot lie relative to the running executable: in a build folder of SwiftPM, all side by side;
/// in an installed tree, `bin/timmybot`, `libexec/timmybot/timmybot-media` and `lib/timmybot/plugins/*.so`.
public struct Installation: Sendable, Equatable {
    public let pluginDirectory: String
    public let mediaWorker: String
    /// Folder of the sandbox's web page, nil where the build's own resources serve.
    public let page: String?
    /// The song maker of the demo, nil where it was not installed.
    public let songMaker: String?

    public init(executable: String) {
        let directory = (executable as NSString).deletingLastPathComponent
        let root = (directory as NSString).deletingLastPathComponent
        let files = FileManager.default
        func existing(_ path: String) -> String? { files.fileExists(atPath: path) ? path : nil }
        if let worker = existing("\(root)/libexec/timmybot/timmybot-media") {
            mediaWorker = worker
            pluginDirectory = "\(root)/lib/timmybot/plugins"
            page = existing("\(root)/share/timmybot/page")
            songMaker = existing("\(root)/libexec/timmybot/timmybot-songs")
        } else {
            mediaWorker = "\(directory)/timmybot-media"
            pluginDirectory = existing("\(directory)/plugins") ?? directory
            page = nil
            songMaker = existing("\(directory)/timmybot-songs")
        }
    }

    /// Path of the running executable, symbolic links resolved.
    public static var runningExecutable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
}
