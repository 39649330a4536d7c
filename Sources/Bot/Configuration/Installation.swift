import Foundation

/// Where the parts of TimmyBot lie relative to the running executable: in a build folder of SwiftPM, all side by side;
/// in an installed tree, `bin/timmybot`, `libexec/timmybot/timmybot-media` and `lib/timmybot/plugins/*.so`.
public struct Installation: Sendable, Equatable {
    public let pluginDirectory: String
    public let mediaWorker: String
    /// Path of `timmybot-check`, the child of `timmybot plugin check`.
    public let pluginChecker: String
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
            pluginChecker = "\(root)/libexec/timmybot/timmybot-check"
            pluginDirectory = "\(root)/lib/timmybot/plugins"
            page = existing("\(root)/share/timmybot/page")
            songMaker = existing("\(root)/libexec/timmybot/timmybot-songs")
        } else {
            mediaWorker = "\(directory)/timmybot-media"
            pluginChecker = "\(directory)/timmybot-check"
            pluginDirectory = existing("\(directory)/plugins") ?? directory
            page = nil
            songMaker = existing("\(directory)/timmybot-songs")
        }
    }

    /// Folders from which this process loaded the Swift runtime.
    public static var swiftLibraries: [String] {
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        var folders: [String] = []
        for line in maps.split(separator: "\n") {
            guard let slash = line.firstIndex(of: "/") else { continue }
            let path = String(line[slash...])
            guard path.contains("/libswift") || path.contains("/libFoundation") else { continue }
            let folder = (path as NSString).deletingLastPathComponent
            if !folders.contains(folder) { folders.append(folder) }
        }
        return folders
    }

    /// Path of the running executable, symbolic links resolved.
    public static var runningExecutable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
}
