/// What the host offers to every plugin alike.
public struct PluginServices: Sendable {
    public let player: any PlayerService
    public let probe: any ProbeService
    public let http: any HTTPFetching
    public let store: any StoreService
    public let accounts: any AccountService
    public let time: any TimeService

    /// What is left out is not offered: its functions answer `TB_E_UNSUPPORTED`.
    public init(
        player: any PlayerService, probe: any ProbeService, http: any HTTPFetching = NoHTTP(),
        store: any StoreService = NoStore(), accounts: any AccountService = NoAccounts(),
        time: any TimeService = SystemTime()
    ) {
        self.player = player
        self.probe = probe
        self.http = http
        self.store = store
        self.accounts = accounts
        self.time = time
    }

    // What a host may offer, and a test need not.
    /// Of `timmy.settings/1`.
    public var settings: (any SettingsService)?
    /// Of `timmy.history/1`.
    public var history: (any HistoryService)?
    /// What plugins count and measure.
    public let metrics = PluginMetrics()
}
