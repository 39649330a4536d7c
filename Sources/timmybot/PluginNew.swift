import ArgumentParser
import Bot
import Foundation
import PluginStore

extension ProjectTemplate.Language: ExpressibleByArgument {}

extension PluginCommands {
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new", abstract: "Writes a new plugin's project, ready to build.")
        @Argument(help: "Its name: lower-case letters, digits and hyphens.") var name: String
        @Option(help: "c, cpp, swift or rust.") var language: ProjectTemplate.Language
        @Option(help: "Folder to write; the name where it is not said.") var directory: String?
        @Option(help: "A copy of the SDK; the one that came with this program where it is not said.")
        var sdk: String?

        func run() async throws {
            try await PluginPlace.guarded {
                guard let sdk = sdk ?? ProjectTemplate.find(executable: Installation.runningExecutable) else {
                    throw PluginStoreError("no SDK is beside this program; --sdk names one")
                }
                let place = directory ?? name
                let files = try ProjectTemplate(sdk: sdk).write(language, name: name, to: place)
                print(files.map { "\(place)/\($0)" }.joined(separator: "\n"))
            }
        }
    }
}
