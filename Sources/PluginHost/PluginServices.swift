/// What the host offers to every plugin alike.
public struct PluginServices: Sendable {
    public let player: any PlayerService
    public let probe: any ProbeService
    public let http: any HTTPFetching

    /// What is left out is not offered: its functions answer `TB_E_UNSUPPORTED`.
    public init(player: any PlayerService, probe: any ProbeService, http: any HTTPFetching = NoHTTP()) {
        self.player = player
        self.probe = probe
        self.http = http
    }
}
