import Foundation
import Glibc

/// What an operator wrote into a plugin's own file, a JSON object, and the host's own words over it.
///
/// The file may hold secrets: nothing of what is in it is ever logged.
public struct OperatorSettings: Sendable, Equatable {
    /// One JSON object, for `create`.
    public let json: String
    /// Whether there is a file.
    public let isFromFile: Bool
    /// Whether others on this machine can read the file.
    public let isOpenToOthers: Bool

    /// Bytes that the file may have.
    public static let maximumSize = 256 << 10

    /// Where the file of a plugin would be.
    public static func path(of id: String, in directory: String) -> String { "\(directory)/\(id).json" }

    /// - Parameters:
    ///   - directory: of the files; none where nil.
    ///   - overlay: a JSON object whose members win over those of the file.
    /// - Throws: where there is a file and it cannot be used.
    public init(of id: String, in directory: String?, overlay: String? = nil) throws(PluginRefusal) {
        let path = directory.map { Self.path(of: id, in: $0) }
        guard let path, let (data, mode) = try Self.read(path) else {
            (json, isFromFile, isOpenToOthers) = (overlay ?? "{}", false, false)
            return
        }
        guard var object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any],
            let text = String(data: data, encoding: .utf8)
        else { throw PluginRefusal("its configuration \(path) is not a JSON object") }
        (isFromFile, isOpenToOthers) = (true, mode & 0o077 != 0)
        guard let overlay, let above = Self.object(overlay), !above.isEmpty else {
            json = text
            return
        }
        object.merge(above) { $1 }
        let merged = try? JSONSerialization.data(
            withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        json = String(decoding: merged ?? data, as: UTF8.self)
    }

    private static func object(_ text: String) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
    }

    /// Nil where there is no such file.
    private static func read(_ path: String) throws(PluginRefusal) -> (Data, mode_t)? {
        // Without waiting for the other side, should it be a FIFO.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw PluginRefusal("its configuration \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw PluginRefusal("its configuration \(path) is not a file")
        }
        guard facts.st_size <= maximumSize, let data = try? file.read(upToCount: maximumSize + 1) ?? Data(),
            data.count <= maximumSize
        else { throw PluginRefusal("its configuration \(path) is larger than \(maximumSize >> 10) KiB") }
        return (data, facts.st_mode)
    }
}
