/// What the host offers to every plugin alike.
public struct PluginServices: Sendable {
    public let player: any PlayerService
    public let probe: any ProbeService

    public init(player: any PlayerService, probe: any ProbeService) {
        self.player = player
        self.probe = probe
    }
}
