import Foundation
import Logging
import PluginHost
import PluginStore

/// The running bot's side of what an operator does with plugins: which ones are loaded at start, and what
/// `timmybot plugin reload` asks for meanwhile.
final class PluginCare: Sendable {
    private let plugins: PluginHost
    private let health: HealthWatch
    private let store: PluginStore
    private let folder: String
    private let dataDirectory: String
    private let logger: Logger
    private let listener = Slot<ControlSocket.Listener>()

    init(
        plugins: PluginHost, health: HealthWatch, store: PluginStore, folder: String, dataDirectory: String,
        logger: Logger
    ) {
        self.plugins = plugins
        self.health = health
        self.store = store
        self.folder = folder
        self.dataDirectory = dataDirectory
        self.logger = logger
    }

    /// Loads what the operator wants and no crash forbids. Blocks while plugins start.
    func load() -> [PluginReport] {
        defer { plugins.removeStaleCopies() }
        do throws(PluginStoreError) {
            return plugins.loadAll(try candidates())
        } catch {
            // Nobody gets in by mistake whom the operator disabled, or who took the bot down.
            logger.error("every plugin stays out, since it cannot be told which ones are disabled: \(error)")
            return []
        }
    }

    /// - Throws: where it cannot be read who is installed, disabled or in quarantine.
    private func candidates() throws(PluginStoreError) -> [PluginCandidate] {
        let judged = Result { () throws(PluginStoreError) in try store.judgeCrashes() }
        // First, so that a file that cannot be read is told of once.
        let candidates = try store.candidates(folder)
        switch judged {
        case .success(let lines): for line in lines { logger.error("\(line)") }
        case .failure(let error): logger.error("who took the bot down is not in quarantine: \(error)")
        }
        return candidates
    }

    /// Takes requests over the control socket from now on.
    func listen() {
        do throws(PluginStoreError) {
            listener.set(
                try ControlSocket.Listener(dataDirectory: dataDirectory) { [self] request in answer(request) })
        } catch {
            logger.warning("`timmybot plugin reload` will not reach this bot: \(error)")
        }
    }

    func stop() { listener.get()?.stop() }

    /// On the socket's thread; blocks while a plugin starts.
    private func answer(_ request: String) -> String {
        let words = request.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("reload", 2): return reload(words[1])
        case ("status", 1):
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            guard let data = try? encoder.encode(plugins.conditions) else { return "error it cannot be told" }
            return "ok " + String(decoding: data, as: UTF8.self)
        case ("health", 1): return askHealth()
        default: return "error I know `reload ID`, `status` and `health`"
        }
    }

    /// Every check has its deadline, so this ends.
    private func askHealth() -> String {
        let done = DispatchSemaphore(value: 0)
        let answer = Slot<[HealthLine]>()
        Task { [health] in
            answer.set(await health.ask().map { HealthLine(plugin: $0.plugin, isWell: $0.isWell, note: $0.note) })
            done.signal()
        }
        done.wait()
        guard let data = try? JSONEncoder().encode(answer.get() ?? []) else { return "error it cannot be told" }
        return "ok " + String(decoding: data, as: UTF8.self)
    }

    private func reload(_ id: String) -> String {
        do {
            let isLoaded = plugins.conditions.contains { $0.id == id }
            guard let candidate = try store.candidate(id, folder: folder) else {
                guard isLoaded else { return "error there is no plugin \(id)" }
                try plugins.unload(id)
                return "ok \(id) is gone, and unloaded"
            }
            if let refusal = candidate.refusal, isLoaded {
                try plugins.unload(id)
                return "ok unloaded: \(refusal)"
            }
            switch try plugins.replace(with: candidate, expecting: id) {
            case .unchanged(let manifest): return "ok \(id) \(manifest.version) is what runs; nothing changed"
            case .loaded(let manifest): return "ok \(id) \(manifest.version) loaded"
            case .replaced(let old, let new): return "ok \(id) \(old.version) replaced by \(new.version)"
            }
        } catch {
            logger.warning("plugin \(id) was not reloaded: \(error)")
            return "error \(error)"
        }
    }
}

/// What a running bot answers to `health`, for one plugin.
struct HealthLine: Codable, Sendable, Equatable {
    let plugin: String
    let isWell: Bool
    let note: String
}
