import ArgumentParser
import Bot
import Foundation
import PluginHost
import PluginStore

struct PluginCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Looks after plugins.",
        subcommands: [
            List.self, Info.self, PluginCheckCommand.self, PluginTryCommand.self, New.self, Install.self, Remove.self,
            Enable.self, Disable.self, Reload.self,
        ])
}

/// The operator's settings, and what follows from them for plugins.
struct PluginPlace {
    let configuration: BotConfiguration
    let store: PluginStore

    init(_ file: String) async throws {
        configuration = try await Settings.load(file)
        store = PluginStore(dataDirectory: configuration.dataDirectory)
    }

    var folder: String { configuration.pluginDirectory }
    var listing: PluginListing { PluginListing(store: store, folder: folder) }

    /// A request to the running bot; nil where none runs.
    func ask(_ request: String) -> String? {
        try? ControlSocket.ask(request, dataDirectory: configuration.dataDirectory)
    }

    var running: [PluginCondition] {
        guard let answer = ask("status"), answer.hasPrefix("ok ") else { return [] }
        return (try? JSONDecoder().decode([PluginCondition].self, from: Data(answer.dropFirst(3).utf8))) ?? []
    }

    /// Runs what may fail for a reason that an operator can read; exit status 1 then.
    static func guarded(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as PluginStoreError {
            Settings.fail(error.description)
            throw ExitCode(1)
        }
    }
}

struct ConfigOption: ParsableArguments {
    @Option(help: "Settings file.") var config = "timmybot.yaml"
}

extension PluginCommands {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the plugins without running a line of them.")
        @OptionGroup var settings: ConfigOption

        func run() async throws {
            let place = try await PluginPlace(settings.config)
            try await PluginPlace.guarded { print(try place.listing.list(place.running)) }
        }
    }

    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "info", abstract: "Prints what a plugin says of itself, and what the lockfile knows of it.")
        @Argument(help: "Id of a plugin, or a file.") var plugin: String
        @OptionGroup var settings: ConfigOption

        func run() async throws {
            let place = try await PluginPlace(settings.config)
            try await PluginPlace.guarded { print(try place.listing.info(plugin)) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Removes a plugin that was installed.")
        @Argument(help: "Id of a plugin.") var plugin: String
        @OptionGroup var settings: ConfigOption

        func run() async throws {
            let place = try await PluginPlace(settings.config)
            try await PluginPlace.guarded {
                try place.store.remove(plugin)
                print("\(plugin) is removed\(Reload.hint(plugin, place))")
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Lets a plugin be loaded again, also out of quarantine.")
        @Argument(help: "Id of a plugin.") var plugin: String
        @OptionGroup var settings: ConfigOption

        func run() async throws { try await Self.set(plugin, true, settings.config) }

        static func set(_ plugin: String, _ enabled: Bool, _ config: String) async throws {
            let place = try await PluginPlace(config)
            let isKnown = PluginHost.survey(place.folder).contains { $0.manifest?.id == plugin }
            try await PluginPlace.guarded {
                let line = try place.store.setEnabled(plugin, enabled, isKnown: isKnown)
                print(line + Reload.hint(plugin, place))
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Keeps a plugin from being loaded.")
        @Argument(help: "Id of a plugin.") var plugin: String
        @OptionGroup var settings: ConfigOption

        func run() async throws { try await Enable.set(plugin, false, settings.config) }
    }

    struct Reload: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reload", abstract: "Makes the running bot use a plugin as it is now.",
            discussion:
                "What plays goes on; new calls go to the new version, and where its first calls fail the old one comes back. A plugin that was removed or disabled is unloaded, one that is new is loaded."
        )
        @Argument(help: "Id of a plugin.") var plugin: String
        @OptionGroup var settings: ConfigOption

        func run() async throws {
            let place = try await PluginPlace(settings.config)
            guard plugin.utf8.count <= 64, !plugin.contains(where: \.isWhitespace) else {
                throw ValidationError("'\(plugin.prefix(64))' is no id of a plugin")
            }
            try await PluginPlace.guarded {
                let answer = try ControlSocket.ask(
                    "reload \(plugin)", dataDirectory: place.configuration.dataDirectory)
                guard answer.hasPrefix("ok ") else {
                    throw PluginStoreError(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : answer)
                }
                print(answer.dropFirst(3))
            }
        }

        /// What to do next where a bot runs.
        static func hint(_ plugin: String, _ place: PluginPlace) -> String {
            place.ask("status") == nil ? "" : "; `timmybot plugin reload \(plugin)` tells the running bot"
        }
    }
}
