import Logging

/// How a sandbox is set up. Everything binds to 127.0.0.1.
public struct SandboxConfiguration: Sendable {
    /// TCP port of REST and page; 0 takes a free one.
    public var httpPort = 0
    /// TCP port of the gateway.
    public var gatewayPort = 0
    /// TCP port of the voice gateway (TLS).
    public var voicePort = 0
    /// UDP port of the media server.
    public var udpPort = 0
    /// Where the certificate authority's PEM file is written; made if absent.
    public var directory: String
    /// Folder of the web page instead of the built-in one.
    public var resourceDirectory: String?
    /// Sampled seconds of sound that a recording listener keeps.
    public var recordedSeconds = 300
    /// Heartbeat interval that both gateways ask for, in seconds.
    public var heartbeatInterval = 41.25
    /// How long the gateway keeps a session without a connection, in seconds.
    public var sessionLifetime = 180.0
    /// Seconds between two identifies of a bot, 5 at Discord. 0 lets tests start bots as often as they like.
    public var identifySpacing = 0.0
    /// Shards that `GET /gateway/bot` recommends.
    public var recommendedShards = 1
    /// How far the Date header of REST is ahead of this machine's clock, in seconds.
    public var clockAhead = 0.0
    /// Whether REST limits per route are enforced (headers are sent in any case).
    public var enforcesRateLimits = true
    public var logger: Logger
    /// Steady seconds. Tests give their own.
    public var clock: @Sendable () -> Double

    public init(directory: String, logger: Logger = Logger(label: "sandbox")) {
        self.directory = directory
        self.logger = logger
        let start = ContinuousClock.now
        clock = {
            let passed = (ContinuousClock.now - start).components
            return Double(passed.seconds) + Double(passed.attoseconds) * 1e-18
        }
    }
}
