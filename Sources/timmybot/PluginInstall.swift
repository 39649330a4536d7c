import ArgumentParser
import Bot
import Foundation
import PluginHost
import PluginStore

extension PluginCommands {
    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "install", abstract: "Installs a plugin that somebody you trust has signed.",
            discussion:
                "The signature is one of minisign, beside the file as FILE.minisig. Keys that you trust are in the data folder, plugins/trusted-keys, one public key a line."
        )
        @Argument(help: "A file, or an https address.") var plugin: String
        @Option(help: "File or https address of the signature; FILE.minisig where it is not said.")
        var signature: String?
        @Option(help: "A public key to trust for this once.") var key: [String] = []
        @Flag(help: "Take it without a signature. Its code can do what the bot can.") var unsigned = false
        @Flag(help: "Take it although it is older than what is there.") var force = false
        @Option(help: "PEM of roots that are trusted beside the system's.") var caFile: String?
        @OptionGroup var settings: ConfigOption

        func run() async throws {
            let place = try await PluginPlace(settings.config)
            try await PluginPlace.guarded {
                var options = PluginInstaller.Options()
                (options.unsigned, options.force) = (unsigned, force)
                for line in key { options.keys.append(try MinisignKey(line)) }
                guard let bytes = try await read(plugin) else {
                    throw PluginStoreError("there is no \(plugin.prefix(300))")
                }
                let text = unsigned ? nil : try await read(signature ?? "\(plugin).minisig")
                if text == nil, let signature { throw PluginStoreError("there is no \(signature.prefix(300))") }
                let offer = PluginInstaller.Offer(
                    bytes: bytes, signature: text.map { String(decoding: $0, as: UTF8.self) }, source: source)
                let outcome = try PluginInstaller(store: place.store, folder: place.folder).install(offer, options)
                print(Self.text(outcome) + Reload.hint(outcome.entry.id, place))
            }
        }

        private var isAddress: Bool { plugin.contains("://") }
        private var source: String { isAddress ? plugin : URL(fileURLWithPath: plugin).path }

        /// Nil where there is no such file.
        private func read(_ place: String) async throws(PluginStoreError) -> [UInt8]? {
            if place.contains("://") { return try await Download(trustedCAFile: caFile).fetch(place) }
            guard FileManager.default.fileExists(atPath: place) else { return nil }
            let size = (try? FileManager.default.attributesOfItem(atPath: place))?[.size] as? Int
            guard let size, size <= PluginInspection.maximumSize,
                let data = try? Data(contentsOf: URL(fileURLWithPath: place))
            else { throw PluginStoreError("\(place) cannot be read") }
            return Array(data)
        }

        private static func text(_ outcome: PluginInstaller.Outcome) -> String {
            let entry = outcome.entry
            let by = entry.keyID.map { "signed by \($0)" } ?? "UNSIGNED"
            let comment = outcome.trustedComment.map { " (\($0))" } ?? ""
            let instead = outcome.previous.map { " instead of \($0)" } ?? ""
            return "\(entry.id) \(entry.version) is installed\(instead), \(by)\(comment)"
        }
    }
}
