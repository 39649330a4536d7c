import Foundation

/// One line of the crash file: a process that ended by a signal, and who is to blame.
public struct PluginCrash: Sendable, Equatable {
    /// Seconds since 1970.
    public let time: Int64
    public let signal: String
    /// How it is known: `lane` in a call of the plugin, `code` in its own code on another thread, `stack` below it.
    public let evidence: String
    /// Nil where no plugin is to blame.
    public let plugin: String?
    public let call: String?

    /// Nil where the line is not one that the handler writes.
    init?(_ line: Substring) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, fields[0] == "1", let time = Int64(fields[1]), time > 0 else { return nil }
        self.time = time
        signal = fields[2]
        evidence = fields[3]
        plugin = fields[4] == "-" ? nil : fields[4]
        call = fields[5] == "-" ? nil : fields[5]
    }

    static func list(_ text: String) -> [PluginCrash] { text.split(separator: "\n").compactMap { PluginCrash($0) } }

    var text: String {
        let place: String
        switch (evidence, call) {
        case ("lane", let call?): place = "in \(call)"
        case ("code", _): place = "on a thread of its own"
        default: place = "in something that it called"
        }
        return "\(signal) \(place)"
    }
}

/// Which plugins are not loaded because they took the process down. Pure.
public struct Quarantine: Sendable, Equatable, Codable {
    static let crashes = 2
    static let window: Int64 = 600

    public struct Entry: Sendable, Equatable, Codable {
        public let reason: String
        /// Seconds since 1970.
        public let since: Int64
    }

    public private(set) var plugins: [String: Entry] = [:]
    /// When an operator last let a plugin out: crashes up to then do not count any more.
    private var lifted: [String: Int64] = [:]

    public init() {}

    /// Draws the conclusions from the crashes that are known; the plugins that are new in it.
    mutating func judge(_ crashes: [PluginCrash]) -> [String] {
        var added: [String] = []
        for (plugin, own) in Dictionary(grouping: crashes.filter { $0.plugin != nil }, by: { $0.plugin ?? "" }) {
            guard plugins[plugin] == nil else { continue }
            let times = own.filter { $0.time > lifted[plugin] ?? 0 }.sorted { $0.time < $1.time }
            guard times.count >= Self.crashes else { continue }
            for last in (Self.crashes - 1)..<times.count {
                let first = times[last - Self.crashes + 1], crash = times[last]
                guard crash.time - first.time <= Self.window else { continue }
                let seconds = crash.time - first.time
                plugins[plugin] = Entry(
                    reason: "it took the bot down \(Self.crashes) times within \(seconds) s, last by \(crash.text)",
                    since: crash.time)
                added.append(plugin)
                break
            }
        }
        return added.sorted()
    }

    /// - Returns: whether it was in quarantine.
    mutating func lift(_ plugin: String, now: Int64) -> Bool {
        lifted[plugin] = now
        return plugins.removeValue(forKey: plugin) != nil
    }
}
