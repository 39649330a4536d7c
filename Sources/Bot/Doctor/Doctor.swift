import Foundation
import Glibc

/// One thing that `timmybot doctor` looked at.
public struct Finding: Sendable, Equatable {
    public enum Verdict: String, Sendable { case good = "ok", warning = "warning", bad = "missing" }

    public let verdict: Verdict
    /// What was looked at, a few words.
    public let subject: String
    /// What was found.
    public let detail: String
    /// How to mend it; nil where nothing is wrong.
    public let remedy: String?

    static func good(_ subject: String, _ detail: String) -> Finding {
        Finding(verdict: .good, subject: subject, detail: detail, remedy: nil)
    }

    static func warning(_ subject: String, _ detail: String, _ remedy: String) -> Finding {
        Finding(verdict: .warning, subject: subject, detail: detail, remedy: remedy)
    }

    static func bad(_ subject: String, _ detail: String, _ remedy: String) -> Finding {
        Finding(verdict: .bad, subject: subject, detail: detail, remedy: remedy)
    }
}

/// Looks at everything that `run` will need and says how to mend what is missing. Changes nothing.
public struct Doctor: Sendable {
    let configuration: BotConfiguration
    let discord: any DiscordProbe

    public init(configuration: BotConfiguration, discord: any DiscordProbe) {
        self.configuration = configuration
        self.discord = discord
    }

    public func examine() async -> [Finding] {
        var findings = [data, library, worker, guilds, udp]
        findings += PluginExamination(directory: configuration.pluginDirectory).findings
        findings += await discordFindings
        return findings
    }

    private var data: Finding {
        let path = configuration.dataDirectory
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let probe = "\(path)/.doctor-\(getpid())"
            try Data("ok".utf8).write(to: URL(fileURLWithPath: probe))
            try FileManager.default.removeItem(atPath: probe)
            return .good("data directory", path)
        } catch {
            return .bad("data directory", "\(path) cannot be written", "create it, or set TIMMYBOT_DATA_DIR")
        }
    }

    private var library: Finding {
        var isDirectory: ObjCBool = false
        let path = configuration.libraryDirectory
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
            return .warning("music folder", "\(path) does not exist", "create it, or set TIMMYBOT_LIBRARY_DIR")
        }
        return .good("music folder", path)
    }

    private var worker: Finding {
        let path = configuration.mediaWorker
        guard FileManager.default.isExecutableFile(atPath: path) else {
            return .bad(
                "media worker", "\(path) is not there", "build it with `make build`, or set TIMMYBOT_MEDIA_WORKER")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["--version"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
            process.waitUntilExit()
        } catch {
            return .bad("media worker", "\(path) cannot be started", "check that the file is executable")
        }
        guard process.terminationStatus == 0 else {
            return .bad(
                "media worker", "\(path) does not start (status \(process.terminationStatus))",
                "install libavformat59, libavfilter8, libopus0 and libseccomp2, or run scripts/setup")
        }
        return .good("media worker", path)
    }

    private var guilds: Finding {
        let count = configuration.allowedGuilds.count
        guard count > 0 else {
            return .warning("approved servers", "none", "set TIMMYBOT_ALLOWED_GUILDS to your server's id")
        }
        return .good("approved servers", "\(count)")
    }

    /// That a datagram can leave and arrive on this machine; what a firewall does further out only a call can show.
    private var udp: Finding {
        let remedy = "allow UDP sockets for this process (container, seccomp or firewall rules)"
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return .bad("UDP", String(cString: strerror(errno)), remedy) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let arrived = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, getsockname(descriptor, address, &length) == 0,
                    sendto(descriptor, "x", 1, 0, address, length) == 1
                else { return false }
                var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                return Glibc.poll(&poll, 1, 1_000) == 1
            }
        }
        return arrived ? .good("UDP", "datagrams pass on this machine") : .bad("UDP", "no datagram came back", remedy)
    }

    private var discordFindings: [Finding] {
        get async {
            guard configuration.token != nil else {
                return [
                    .bad(
                        "bot token", "DISCORD_TOKEN is not set",
                        "create a bot at https://discord.com/developers/applications and set DISCORD_TOKEN")
                ]
            }
            return await discord.examine()
        }
    }
}

/// What the doctor asks Discord; REST answers it, tests use a double.
public protocol DiscordProbe: Sendable {
    /// Findings on the token, the bot's servers and permissions, and this machine's clock.
    func examine() async -> [Finding]
}
