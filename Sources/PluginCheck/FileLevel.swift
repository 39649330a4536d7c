import Foundation
import Glibc
import PluginHost

/// Level 0: the file itself. Nothing of it is executed.
struct FileLevel {
    let path: String
    let bytes: [UInt8]

    static let entry = "timmybot_plugin_v1"
    /// Libraries that a plugin may ask for; the rest it brings inside.
    private static let system: Set<String> = [
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libstdc++.so.6", "libgcc_s.so.1",
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    ]

    struct Outcome {
        var results: [CheckResult] = []
        var manifest: PluginManifest?
        /// Whether it is worth while to load it.
        var isLoadable = false
    }

    func run() -> Outcome {
        var outcome = Outcome()
        let image: ELFImage
        do {
            image = try ELFImage(bytes)
            outcome.results.append(CheckResult("L0.elf", "is an ELF64 shared object", .pass))
        } catch {
            outcome.results.append(CheckResult("L0.elf", "is an ELF64 shared object", .fail, "\(error)"))
            return outcome
        }
        let machine = image.machine == ELFImage.native
        outcome.results.append(
            result("L0.machine", "is built for this machine", machine ? nil : "it is for machine \(image.machine)"))
        let (manifest, refusal) = manifest(image)
        outcome.manifest = manifest
        outcome.results.append(result("L0.manifest", "has a manifest that can be read", refusal))
        outcome.results += [exports(image), needed(image, manifest), paths(image)] + flags(image) + [glibc(image)]
        outcome.isLoadable = machine && manifest != nil && image.exports.contains(Self.entry)
        return outcome
    }

    private func result(_ id: String, _ title: String, _ fault: String?) -> CheckResult {
        CheckResult(id, title, fault == nil ? .pass : .fail, fault ?? "")
    }

    private func manifest(_ image: ELFImage) -> (PluginManifest?, String?) {
        guard let section = image.section("timmybot_manifest") else {
            return (nil, "it has no section timmybot_manifest (TB_MANIFEST)")
        }
        do throws(PluginRefusal) {
            return (try PluginManifest(json: section), nil)
        } catch {
            return (nil, error.description)
        }
    }

    private func exports(_ image: ELFImage) -> CheckResult {
        let title = "exports \(Self.entry) and nothing else"
        let others = image.exports.filter { $0 != Self.entry }
        if !image.exports.contains(Self.entry) {
            let future = others.first { $0.hasPrefix("timmybot_plugin_v") }
            return CheckResult(
                "L0.exports", title, .fail,
                future.map { "it is made for another major of the plugin ABI (\($0))" } ?? "the entry is missing")
        }
        guard let first = others.first else { return CheckResult("L0.exports", title, .pass) }
        return CheckResult(
            "L0.exports", title, .fail,
            "\(others.count) more are exported, \(first) for one; link with --version-script=plugin.map")
    }

    private func needed(_ image: ELFImage, _ manifest: PluginManifest?) -> CheckResult {
        let title = "needs only libraries that every host has"
        let isShared = manifest?.runtime == "swift-shared"
        let foreign = image.needed.filter { name in
            !Self.system.contains(name)
                && !(isShared
                    && ["libswift", "libFoundation", "lib_Foundation", "libdispatch", "libBlocksRuntime"]
                        .contains { name.hasPrefix($0) })
        }
        guard let first = foreign.first else { return CheckResult("L0.needed", title, .pass) }
        let remedy =
            first.hasPrefix("libswift") && !isShared
            ? "; say \"runtime\":\"swift-shared\" in the manifest or link with -static-stdlib" : "; link it statically"
        return CheckResult("L0.needed", title, .fail, "it needs \(foreign.joined(separator: ", "))\(remedy)")
    }

    private func paths(_ image: ELFImage) -> CheckResult {
        let title = "looks for libraries in safe places only"
        for path in image.searchPaths where !path.hasPrefix("$ORIGIN") && !path.hasPrefix("/") {
            return CheckResult(
                "L0.runpath", title, .fail, "RUNPATH has '\(path)', which depends on where one starts it")
        }
        let writable = image.searchPaths.filter { path in
            var status = stat()
            return path.hasPrefix("/tmp") || (stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0)
        }
        if let path = writable.first {
            return CheckResult("L0.runpath", title, .fail, "RUNPATH has \(path), where anybody may write")
        }
        let absolute = image.searchPaths.filter { $0.hasPrefix("/") }
        guard let first = absolute.first else { return CheckResult("L0.runpath", title, .pass) }
        return CheckResult("L0.runpath", title, .warn, "RUNPATH names a folder of the machine that built it: \(first)")
    }

    private func flags(_ image: ELFImage) -> [CheckResult] {
        [
            result(
                "L0.nodelete", "stays mapped for ever",
                image.isNeverUnloaded ? nil : "it lacks DF_1_NODELETE; link with -z nodelete"),
            result(
                "L0.textrel", "has no text relocations",
                image.hasTextRelocations ? "it has some; compile with -fPIC" : nil),
            result(
                "L0.execstack", "asks for no executable memory beside its code",
                image.wantsExecutableStack
                    ? "its stack is executable; link with -z noexecstack"
                    : image.hasWritableCode ? "a segment is writable and executable" : nil),
        ]
    }

    private func glibc(_ image: ELFImage) -> CheckResult {
        let title = "runs with this machine's glibc"
        var name = [CChar](repeating: 0, count: 64)
        confstr(Int32(_CS_GNU_LIBC_VERSION), &name, name.count)
        let own = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .drop { !$0.isNumber }.split(separator: ".").compactMap { Int($0) }
        let wanted = image.versions.filter { $0.hasPrefix("GLIBC_") }.map {
            $0.dropFirst(6).split(separator: ".").compactMap { Int($0) }
        }
        guard let newest = wanted.max(by: { $0.lexicographicallyPrecedes($1) }) else {
            return CheckResult("L0.glibc", title, .pass)
        }
        let text = newest.map(String.init).joined(separator: ".")
        return result("L0.glibc", title, own.lexicographicallyPrecedes(newest) ? "it needs glibc \(text)" : nil)
    }
}
