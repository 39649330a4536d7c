import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(Dice.self) }

/// A group of commands with typed options, a button, a modal, a score that outlives restarts, and a timer.
struct Dice: Plugin {
    static let id = "example.swift-dice"
    static let version = "1.0.0"
    static let requirements: Set<HostExtension> = [.store, .clock]

    let host: Host

    init(host: Host) { self.host = host }

    @CommandList static var commands: [Command] {
        CommandGroup("dice") {
            Command(
                "roll", "Rolls a die", .integer("sides", "How many sides", 2...100),
                .optional(.string("why", "What it decides", length: 1...100)), method: roll)
            Command("ask", "Says what it decides, then rolls") { call in try call.show(question) }
            Command("score", "Shows how often dice were rolled here", method: showScore)
            Command("timer", "Calls time", .integer("seconds", "How long", 1...600), method: timer)
        }
    }

    // MARK: Commands

    func roll(_ call: Call, sides: Int64, why: String?) async throws {
        let thrown = Int64.random(in: 1...sides)
        try await host.store.update(Self.score(of: call)) { .integer(($0?.integer ?? 0) + 1) }
        try call.reply(Self.card(thrown, of: sides, why), update: call.name.hasPrefix(Self.again))
    }

    func showScore(_ call: Call) async throws {
        let count = try await host.store.json(Self.score(of: call))?.integer ?? 0
        try call.reply(count == 1 ? "One roll so far." : "\(count) rolls so far.", ephemeral: true)
    }

    /// The host's clock, and one more message when it is time; ends quietly where the plugin is stopped before.
    func timer(_ call: Call, seconds: Int64) async throws {
        try call.reply("⏳ \(seconds) s from now.")
        host.clock.after(milliseconds: UInt64(seconds) * 1_000) {
            try call.followUp([.text("⏰ <@\(call.user)> Time!")])
        }
    }

    private static func score(of call: Call) -> String { "rolls/\(call.guild)" }

    // MARK: Messages

    private static let again = "again:"

    private static func card(_ thrown: Int64, of sides: Int64, _ why: String?) -> [Component] {
        let text = "🎲 **\(thrown)** of \(sides)" + (why.map { " — \(Component.plain($0))" } ?? "")
        return [.text(text), .row([.button(id: "\(again)\(sides)", label: "Again", style: .primary, emoji: "🎲")])]
    }

    private static let question = Modal(
        id: "ask", title: "What does the die decide?",
        .text(id: "why", "It decides", placeholder: "who washes up", length: 1...100),
        .text(id: "sides", "Sides of the die", value: "6", length: 1...3))

    func component(_ call: Call) async throws {
        guard call.name.hasPrefix(Self.again), let sides = Self.sides(call.name.dropFirst(Self.again.count)) else {
            throw Failure(code: .notFound, userText: "This button does nothing any more.")
        }
        try await roll(call, sides: sides, why: nil)
    }

    func modal(_ call: Call) async throws {
        guard let sides = Self.sides(call.fields["sides"] ?? "") else {
            throw Failure(code: .invalid, userText: "A die has 2 to 100 sides.")
        }
        try await roll(call, sides: sides, why: call.fields["why"])
    }

    private static func sides(_ text: some StringProtocol) -> Int64? {
        Int64(text).flatMap { (2...100).contains($0) ? $0 : nil }
    }
}
