import Foundation
import Glibc
import Synchronization
import Testing

@testable import PluginStore

/// The line to the running bot, and projects from templates.
@Suite("Operating plugins")
struct ControlTests {
    @Test func aLineThereAndALineBack() throws {
        let scratch = try Scratch()
        // Deeper than the path of a socket may be.
        let deep = scratch.path + String(repeating: "/" + String(repeating: "d", count: 60), count: 3)
        try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
        let seen = Seen()
        let listener = try ControlSocket.Listener(dataDirectory: deep) { request in
            seen.requests.withLock { $0.append(request) }
            return "ok \(request)\nand no second line"
        }
        #expect(try ControlSocket.ask("reload test.x", dataDirectory: deep) == "ok reload test.x and no second line")
        var facts = stat()
        #expect(stat("\(deep)/control.sock", &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        // Too long, or no text: no answer, and the next one is served.
        for bad in [String(repeating: "x", count: 300), "\u{0}"] {
            _ = try? ControlSocket.ask(bad, dataDirectory: deep, seconds: 10)
        }
        #expect(try ControlSocket.ask("status", dataDirectory: deep).hasPrefix("ok status"))
        #expect(seen.requests.withLock { $0.allSatisfy { $0.utf8.count <= 256 } })
        listener.stop()
        #expect(throws: PluginStoreError.self) { try ControlSocket.ask("status", dataDirectory: deep) }
        // What a killed bot left behind does not stand in the way.
        let first = try ControlSocket.Listener(dataDirectory: deep) { _ in "first" }
        let second = try ControlSocket.Listener(dataDirectory: deep) { _ in "second" }
        #expect(try ControlSocket.ask("status", dataDirectory: deep) == "second")
        first.stop()
        second.stop()
    }

    private final class Seen: Sendable {
        let requests = Mutex<[String]>([])
    }

    @Test func noBotIsToldAsSuch() throws {
        let scratch = try Scratch()
        let error = #expect(throws: PluginStoreError.self) {
            try ControlSocket.ask("status", dataDirectory: scratch.path)
        }
        #expect(error?.description.contains("no bot runs") == true, "\(error!)")
    }

    // MARK: New projects

    private func sdk(_ scratch: Scratch) throws -> String {
        let sdk = "\(scratch.path)/sdk", template = "\(sdk)/templates/c"
        for folder in ["\(sdk)/include/timmybot", "\(template)/src/{{MODULE}}"] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let files = [
            "\(sdk)/include/timmybot/abi.h": "", "\(template)/{{NAME}}.c": "{{ID}} {{COMMAND}} {{OTHER}}",
            "\(template)/src/{{MODULE}}/x": "{{MODULE}}{{MODULE}}", "\(template)/build.sh": "#!/bin/sh\n",
        ]
        for (path, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        try Data([0xFF, 0xFE, 0x00]).write(to: URL(fileURLWithPath: "\(template)/logo"))
        chmod("\(template)/build.sh", 0o755)
        return sdk
    }

    @Test func aTemplateIsFilledIn() throws {
        let scratch = try Scratch()
        let place = "\(scratch.path)/new"
        let files = try ProjectTemplate(sdk: try sdk(scratch)).write(.c, name: "night-radio", to: place)
        #expect(files == ["build.sh", "logo", "src/NightRadio/x", "night-radio.c"])
        func text(_ file: String) throws -> String { try String(contentsOfFile: "\(place)/\(file)", encoding: .utf8) }
        #expect(try text("night-radio.c") == "my.night-radio night-radio {{OTHER}}")
        #expect(try text("src/NightRadio/x") == "NightRadioNightRadio")
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: "\(place)/logo"))) == [0xFF, 0xFE, 0x00])
        #expect(access("\(place)/build.sh", X_OK) == 0)
        let again = #expect(throws: PluginStoreError.self) {
            try ProjectTemplate(sdk: "\(scratch.path)/sdk").write(.c, name: "night-radio", to: place)
        }
        #expect(again?.description.contains("is not empty") == true)
        let none = #expect(throws: PluginStoreError.self) {
            try ProjectTemplate(sdk: "\(scratch.path)/sdk").write(.rust, name: "x1", to: "\(scratch.path)/other")
        }
        #expect(none?.description.contains("no template for rust") == true)
        #expect(throws: PluginStoreError.self) { try ProjectTemplate(sdk: scratch.path) }
    }

    @Test(arguments: [
        "", "a", "Radio", "1radio", "-radio", "radio-", "ra--dio", "ra dio", "../radio", "radio/x", "radió", "ra_dio",
        String(repeating: "r", count: 33),
    ])
    func namesThatDoNotDo(_ name: String) throws {
        let scratch = try Scratch()
        let error = #expect(throws: PluginStoreError.self) {
            try ProjectTemplate(sdk: try sdk(scratch)).write(.c, name: name, to: "\(scratch.path)/new")
        }
        #expect(error?.description.contains("does not do") == true)
        #expect(access("\(scratch.path)/new", F_OK) != 0)
    }

    @Test func theSDKIsFoundBesideTheProgram() throws {
        let scratch = try Scratch()
        _ = try sdk(scratch)
        #expect(ProjectTemplate.find(executable: "\(scratch.path)/.build/debug/timmybot") == "\(scratch.path)/sdk")
        let tree = "\(scratch.path)/tree"
        try FileManager.default.createDirectory(atPath: "\(tree)/share/timmybot", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(scratch.path)/sdk", toPath: "\(tree)/share/timmybot/sdk")
        #expect(ProjectTemplate.find(executable: "\(tree)/bin/timmybot") == "\(tree)/share/timmybot/sdk")
    }
}
