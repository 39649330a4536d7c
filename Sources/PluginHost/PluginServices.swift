/// What the host offers to every plugin alike.
public struct PluginServices: Sendable {
    public let player: any PlayerService
    public let probe: any ProbeService

    public init(player: any PlayerService, probe: any ProbeService) {
        self.player = player
        self.probe = probe
    }

    // What a host may offer, and a test need not.
    /// Of `timmy.settings/1`.
    public var settings: (any SettingsService)?
    /// Of `timmy.history/1`.
    public var history: (any HistoryService)?
    /// What plugins count and measure.
    public let metrics = PluginMetrics()
}
