import Glibc

/// A folder from which no path leads out: every component is opened without following links.
final class Folder: Sendable {
    private let descriptor: Int32
    static let maximumDepth = 16
    static let maximumFiles = 100_000
    private static let extensions: Set<String> = [
        "opus", "ogg", "oga", "flac", "mp3", "m4a", "aac", "wav", "webm", "mka", "wma", "aiff", "aif",
    ]

    init?(path: String) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    struct File: Sendable, Hashable {
        let path: String
        let size: Int64
        /// Nanoseconds.
        let modified: Int64
    }

    /// An open, read-only descriptor of a regular file below the folder; nil for anything else.
    func openFile(_ path: String) -> Int32? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...Self.maximumDepth).contains(parts.count), path.utf8.count <= 4_096, !path.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { return nil }
        var at = dup(descriptor)
        for (index, part) in parts.enumerated() {
            let last = index == parts.count - 1
            // A pipe in the folder must not make us wait for its other end.
            let next = openat(at, String(part), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY))
            close(at)
            guard next >= 0 else { return nil }
            at = next
        }
        var status = stat()
        guard fstat(at, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(at)
            return nil
        }
        return at
    }

    /// Every music file, in no particular order. Takes as long as the disk takes, or until `goesOn` says no.
    func files(while goesOn: () -> Bool) -> [File] {
        var found: [File] = []
        walk(dup(descriptor), "", depth: 0, goesOn, &found)
        return found
    }

    /// Takes over `directory`.
    private func walk(
        _ directory: Int32, _ prefix: String, depth: Int, _ goesOn: () -> Bool, _ found: inout [File]
    ) {
        guard directory >= 0 else { return }
        guard depth < Self.maximumDepth, let stream = fdopendir(directory) else {
            close(directory)
            return
        }
        defer { closedir(stream) }
        rewinddir(stream)
        while goesOn(), found.count < Self.maximumFiles, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            var status = stat()
            guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                let child = openat(dirfd(stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                walk(child, prefix + name + "/", depth: depth + 1, goesOn, &found)
            case S_IFREG where Self.isMusic(name):
                let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
                found.append(File(path: prefix + name, size: Int64(status.st_size), modified: modified))
            default: break
            }
        }
    }

    private static func isMusic(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return extensions.contains(name[name.index(after: dot)...].lowercased())
    }
}
