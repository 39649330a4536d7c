/// Whoever waits for the answer of a command, a component or a modal. The host asks it what Discord would take, and tells
/// it what the plugin does beside settling the call.
///
/// Every function may come from any thread and returns at once.
public protocol AnswerChannel: Sendable {
    /// The rule of Discord that the message breaks, for the log; nil where it can be sent.
    func objection(to reply: PluginReply) -> String?
    /// Why this modal cannot be shown now; where nil, nothing is deferred any more, for the modal is on its way.
    func objection(toModal json: String) -> String?
    /// In the order of the plugin's calls.
    func update(_ update: PluginUpdate)
}
