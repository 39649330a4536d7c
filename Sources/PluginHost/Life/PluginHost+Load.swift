import CTimmyBot
import Foundation

/// A plugin's file that may be loaded, and what is known of it.
public struct PluginCandidate: Sendable, Equatable {
    public let file: String
    /// SHA-256 in hexadecimal that it must have, where an install vouched for it.
    public let digest: String?
    /// Why it is not to be loaded: disabled, quarantined, or not what was installed. Nil where it may.
    public let refusal: String?

    public init(file: String, digest: String? = nil, refusal: String? = nil) {
        self.file = file
        self.digest = digest
        self.refusal = refusal
    }
}

/// A created instance with its checked commands.
struct PluginGeneration: Sendable {
    let instance: PluginInstance
    let commands: [PluginCommand]
    var hasSource: Bool { instance.extensionTable(TB_EXT_SOURCE, as: tb_source_v1.self) != nil }
}

extension PluginHost {
    /// Loads what may be loaded, in order. One bad plugin costs only itself. Blocks while they start.
    public func loadAll(_ candidates: [PluginCandidate]) -> [PluginReport] {
        candidates.map { candidate in
            do throws(PluginRefusal) {
                let manifest = try load(candidate)
                logger.info("plugin \(manifest.id) \(manifest.version) loaded")
                return PluginReport(file: candidate.file, manifest: manifest, refusal: nil)
            } catch {
                let name = (candidate.file as NSString).lastPathComponent
                logger.warning("plugin \(name) was refused: \(error)")
                return PluginReport(file: candidate.file, manifest: nil, refusal: error.description)
            }
        }
    }

    /// Loads one plugin that is not loaded. Blocks while it starts.
    func load(_ candidate: PluginCandidate) throws(PluginRefusal) -> PluginManifest {
        if let refusal = candidate.refusal { throw PluginRefusal(refusal) }
        let file = try PluginLoader.read(candidate.file, expecting: candidate.digest)
        return try exclusively(file.manifest.id) { () throws(PluginRefusal) in
            guard current(file.manifest.id) == nil else {
                throw PluginRefusal("a plugin with the id \(file.manifest.id) is loaded already")
            }
            try install(try prepare(file, settings: try settings(of: file.manifest.id)))
            return file.manifest
        }
    }

    /// What the operator configured for a plugin, under what the host has to say to it. Warns of a file that others can read.
    func settings(of id: String) throws(PluginRefusal) -> String {
        let found = try OperatorSettings(
            of: id, in: configuration.settingsDirectory, overlay: configuration.settings[id])
        if found.isOpenToOthers, let directory = configuration.settingsDirectory {
            let path = OperatorSettings.path(of: id, in: directory)
            logger.warning("\(path) can be read by others on this machine: chmod 600 \(path)")
        }
        return found.json
    }

    /// One at a time changes which version of a plugin is there.
    func exclusively<Value>(_ id: String, _ body: () throws(PluginRefusal) -> Value) throws(PluginRefusal) -> Value {
        guard state.withLock({ $0.busy.insert(id).inserted }) else {
            throw PluginRefusal("\(id) is being loaded or replaced at this moment")
        }
        defer { _ = state.withLock { $0.busy.remove(id) } }
        return try body()
    }

    /// From a file to an instance that can be called. Blocks; every step has a deadline. What fails on the way is stopped.
    func prepare(_ file: PluginFile, settings: String) throws(PluginRefusal) -> PluginGeneration {
        let id = file.manifest.id
        let lane = Lane(name: id)
        let loader = PluginLoader(cacheDirectory: configuration.cacheDirectory)
        let loaded = lane.wait("load", within: configuration.deadlines.load) {
            () -> Result<LoadedPlugin, PluginRefusal> in
            do throws(PluginRefusal) { return .success(try loader.load(file, settings: settings)) } catch {
                return .failure(error)
            }
        }
        switch loaded {
        case nil:
            lane.close()
            throw PluginRefusal("its code does not come back while it is loaded")
        case .failure(let refusal):
            lane.close()
            throw refusal
        case .success(let loaded):
            let instance = PluginInstance(
                loaded, lane: lane, tasks: tasks, services: services, configuration: settings, logger: logger)
            do throws(PluginRefusal) {
                try instance.create(configuration: settings, deadline: configuration.deadlines.create)
            } catch {
                instance.giveUp()
                throw error
            }
            do throws(PluginRefusal) {
                _ = try instance.oauthFlows()
                return PluginGeneration(instance: instance, commands: try commands(of: instance))
            } catch {
                instance.stopSoon()
                throw error
            }
        }
    }

    /// Makes a generation the one that is called; on a clash of command names it is stopped, and nothing changes.
    ///
    /// - Returns: what was current before.
    @discardableResult
    func install(_ next: PluginGeneration) throws(PluginRefusal) -> PluginGeneration? {
        let id = next.instance.id
        do throws(PluginRefusal) {
            return try state.withLock { state throws(PluginRefusal) in
                if state.isClosed { throw PluginRefusal("the bot is stopping") }
                for command in next.commands {
                    if let other = state.commands[command.name]?.plugin, other != id {
                        throw PluginRefusal("its command /\(command.name) is taken by \(other)")
                    }
                }
                let names = Set(next.commands.map(\.name))
                guard names.count == next.commands.count else { throw PluginRefusal("it has a command twice") }
                return state.swap(next)
            }
        } catch {
            next.instance.stopSoon()
            throw error
        }
    }
}

extension PluginHost.State {
    /// Puts a generation in place of whatever the plugin's is.
    mutating func swap(_ next: PluginGeneration) -> PluginGeneration? {
        let last = take(next.instance.id)
        instances[next.instance.id] = next.instance
        for command in next.commands { commands[command.name] = command }
        return last
    }

    /// Takes a plugin's current generation out; nil where there is none.
    mutating func take(_ id: String) -> PluginGeneration? {
        guard let instance = instances.removeValue(forKey: id) else { return nil }
        let own = commands.values.filter { $0.plugin == id }.sorted { $0.row < $1.row }
        for command in own { commands[command.name] = nil }
        return PluginGeneration(instance: instance, commands: own)
    }
}
