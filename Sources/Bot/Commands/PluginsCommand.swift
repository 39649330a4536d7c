import DiscordModel
import PluginHost

/// `/plugins`, the host's own command: how the plugins are doing, for who runs the bot.
enum PluginsCommand {
    static let name = "plugins"

    /// Shown to administrators at first; the host checks the caller in any case.
    static let registration: JSONValue = [
        "name": .string(name), "description": "How the plugins are doing (only for who runs the bot)", "type": 1,
        "options": [], "contexts": [0], "integration_types": [0], "default_member_permissions": 0,
    ]

    /// One block a plugin; those that were refused come last.
    /// - Parameter ailing: what is wrong with plugins that said so themselves, by id.
    static func message(
        _ statuses: [PluginStatus], refused: [PluginReport], ailing: [String: String]
    ) -> MessageBuilder.Message {
        // A file that was refused at first may have been mended and loaded since.
        let loaded = Set(statuses.map(\.condition.file))
        let blocks =
            statuses.map { block($0, ailing[$0.condition.id]) }
            + refused.filter { !loaded.contains($0.file) }.compactMap(block)
        let text = blocks.isEmpty ? "No plugin is loaded." : cut(blocks)
        return MessageBuilder.text("### Plugins\n\(text)", ephemeral: true)
    }

    private static func state(_ condition: PluginCondition, _ ailment: String?) -> String {
        switch condition.state {
        case .running: ailment.map { "🟠 not well: \(MessageBuilder.plain($0))" } ?? "🟢 ok"
        case .resting: "🟠 resting after failures"
        case .probing: "🟠 being tried again"
        case .stuck: "🔴 stuck"
        }
    }

    private static func block(_ status: PluginStatus, _ ailment: String?) -> String {
        let counters = status.counters, condition = status.condition
        var lines = ["**\(condition.id)** \(condition.version) · \(state(condition, ailment))"]
        var numbers = ["\(counters.calls) calls", "\(condition.openCalls) open", "\(counters.failures) failed"]
        if counters.timeouts > 0 { numbers.append("\(counters.timeouts) of them by time") }
        if condition.lateAnswers > 0 { numbers.append("\(condition.lateAnswers) late answers") }
        if condition.stuckLanes > 0 { numbers.append("\(condition.stuckLanes) of \(condition.lanes) threads stuck") }
        if condition.draining > 0 { numbers.append("\(condition.draining) older versions still at work") }
        if counters.refused > 0 { numbers.append("\(counters.refused) not asked") }
        lines.append("-# " + numbers.joined(separator: " · "))
        if !counters.lastFailure.isEmpty {
            lines.append("-# last failure: \(MessageBuilder.plain(counters.lastFailure))")
        }
        return lines.joined(separator: "\n")
    }

    private static func block(_ report: PluginReport) -> String? {
        guard let refusal = report.refusal else { return nil }
        let file = report.file.split(separator: "/").last.map(String.init) ?? report.file
        return "**\(MessageBuilder.plain(file))** · 🔴 refused\n-# \(MessageBuilder.plain(refusal))"
    }

    /// Whole blocks, as many as a message holds.
    private static func cut(_ blocks: [String]) -> String {
        var text = ""
        for (index, block) in blocks.enumerated() {
            guard text.utf16.count + block.utf16.count < Limits.messageText - 200 else {
                return text + "\n-# and \(blocks.count - index) more"
            }
            text += (index == 0 ? "" : "\n") + block
        }
        return text
    }
}
