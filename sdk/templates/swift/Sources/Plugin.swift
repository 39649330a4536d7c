import Glibc
import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(MyPlugin.self) }

/// A music source of its own (`/play {{COMMAND}}:440`) and a command (`/{{COMMAND}}`). Make it yours.
struct MyPlugin: Plugin, Source {
    static let id = "{{ID}}"  // as in manifest.json
    static let version = "0.1.0"

    let host: Host
    init(host: Host) { self.host = host }

    // MARK: The source

    static let prefix = "{{COMMAND}}:"

    /// How surely `input` is ours: 0 to 100. Quick, and without looking anything up.
    func match(_ input: String) -> Int { input.hasPrefix(Self.prefix) ? 100 : 0 }

    /// What the user typed becomes tracks; a real source would ask its platform by `host.http`.
    func resolve(_ input: String, limit: Int) async throws -> [Track] {
        guard let pitch = Self.pitch(input) else {
            throw Failure(code: .notFound, userText: "Try {{COMMAND}}:440, with a pitch of 20 to 20000 Hz.")
        }
        let title = "A tone of \(pitch) Hz"
        return [Track(key: "\(pitch)", title: title, artist: "{{NAME}}", durationMilliseconds: 10_000)]
    }

    /// A track becomes sound. Where the platform has an address for it: `return .url("https://...")`.
    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media {
        guard let pitch = Self.pitch(Self.prefix + key) else { throw Failure(code: .notFound) }
        return .pcm(Tone(pitch: Double(pitch)))
    }

    static func pitch(_ input: String) -> Int? {
        guard input.hasPrefix(prefix), let pitch = Int(input.dropFirst(prefix.count).filter { $0 != " " }) else {
            return nil
        }
        return (20...20_000).contains(pitch) ? pitch : nil
    }

    // MARK: The command

    @CommandList static var commands: [Command] {
        Command(
            "{{COMMAND}}", "Plays a tone", .integer("pitch", "In hertz", 20...20_000),
            .optional(.string("why", "What for"))
        ) { call, pitch, why in
            // `pitch` is an Int64 and `why` a String?: the compiler knows.
            let added = try await call.player.play("\(prefix)\(pitch)", .append)
            let reason = why.map { " — \(Component.plain($0))" } ?? ""
            try call.reply("🎵 \(added.tracks.first?.title ?? "A tone")\(reason)")
        }
    }
}

/// Ten seconds of a sine wave: samples for the host's sound thread.
struct Tone: PCMSource {
    let pitch: Double
    var frame = 0
    let frames = 10 * PCMBuffer.sampleRate
    var canSeek: Bool { true }

    mutating func render(into buffer: inout PCMBuffer) throws {
        while buffer.free > 0, frame < frames {
            let phase = 2 * Double.pi * pitch * Double(frame) / Double(PCMBuffer.sampleRate)
            let sample = Int16(6_000 * sin(phase))
            buffer.append(left: sample, right: sample)
            frame += 1
        }
    }

    mutating func seek(toFrame target: UInt64) throws { frame = min(frames, Int(clamping: target)) }
}
