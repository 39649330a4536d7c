import Logging
import PluginHost
import Synchronization

/// Asks plugins that can say so whether they are well (`timmy.health/1`): now and then, and when an operator asks.
final class HealthWatch: Sendable {
    static let interval = Duration.seconds(300)

    private let plugins: PluginHost
    private let logger: Logger
    private let clock: any Clock<Duration>
    /// What is wrong, by plugin.
    private let known = Mutex<[String: String]>([:])

    init(plugins: PluginHost, logger: Logger, clock: any Clock<Duration> = ContinuousClock()) {
        self.plugins = plugins
        self.logger = logger
        self.clock = clock
    }

    /// What is wrong with those that are not well, by id, as of the last time they were asked.
    var ailing: [String: String] { known.withLock { $0 } }

    /// Until the calling task is cancelled.
    func run() async {
        while !Task.isCancelled {
            _ = await ask()
            do { try await clock.sleep(for: Self.interval) } catch { return }
        }
    }

    /// One line for each plugin that can say how it is: its note where it is well, else what is wrong.
    func ask() async -> [(plugin: String, isWell: Bool, note: String)] {
        var lines: [(plugin: String, isWell: Bool, note: String)] = []
        for patient in plugins.patients {
            do throws(PluginFailure) {
                lines.append((patient.id, true, try await patient.check()))
            } catch {
                lines.append((patient.id, false, error.detail.isEmpty ? error.userText : error.detail))
            }
        }
        note(lines)
        return lines
    }

    /// The log hears of a change, not of each time.
    private func note(_ lines: [(plugin: String, isWell: Bool, note: String)]) {
        let now = Dictionary(lines.filter { !$0.isWell }.map { ($0.plugin, $0.note) }, uniquingKeysWith: { $1 })
        let before = known.withLock { known in
            defer { known = now }
            return known
        }
        for (plugin, what) in now.sorted(by: { $0.key < $1.key }) where before[plugin] != what {
            logger.warning("plugin \(plugin) is not well: \(what)")
        }
        for plugin in before.keys.sorted() where now[plugin] == nil { logger.notice("plugin \(plugin) is well again") }
    }
}
