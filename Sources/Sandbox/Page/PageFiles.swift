import Foundation

/// Files of the web page, read at each request so that an edit shows at once.
struct PageFiles: Sendable {
    let directory: String

    /// - Parameter override: a folder instead of the built-in one.
    init(override: String?) {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let candidates = [
            program.appendingPathComponent("timmybot_Sandbox.resources/Resources").path,
            program.appendingPathComponent("../share/timmybot/page").path,
        ]
        directory = override ?? candidates.first { FileManager.default.fileExists(atPath: $0) } ?? candidates[0]
    }

    /// `path` without segments that leave the folder; the empty path is index.html.
    func response(_ path: [String]) -> SandboxResponse {
        let path = path.isEmpty ? ["index.html"] : path
        guard path.count <= 4, path.allSatisfy({ !$0.hasPrefix(".") && !$0.contains("/") && !$0.contains("\0") }) else {
            return .notFound
        }
        let file = ([directory] + path).joined(separator: "/")
        guard let data = FileManager.default.contents(atPath: file), data.count <= 8 << 20 else { return .notFound }
        return .bytes(200, type: Self.type(of: file), Array(data))
    }

    private static func type(of file: String) -> String {
        switch file.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "json": "application/json"
        case "woff2": "font/woff2"
        default: "application/octet-stream"
        }
    }
}
