import DiscordModel
import DiscordREST
import Foundation
import Logging

/// Asks Discord about the token, and compares clocks.
public struct DiscordExamination: DiscordProbe {
    private let configuration: BotConfiguration

    public init(_ configuration: BotConfiguration) { self.configuration = configuration }

    public func examine() async -> [Finding] {
        guard let token = configuration.token else { return [] }
        var quiet = Logger(label: "doctor")
        quiet.logLevel = .critical
        let rest = RESTClient(
            base: configuration.apiBase, token: token, trustedCAFile: configuration.trustedCAFile, logger: quiet)
        var findings: [Finding] = []
        do {
            let user = try await rest.currentUser()
            findings.append(.good("bot token", "belongs to \(user["username"]?.string ?? "?")"))
            let gateway = try await rest.gatewayBot()
            let left = gateway["session_start_limit"]?["remaining"]?.int ?? 0
            findings.append(
                left > 10
                    ? .good("gateway", "\(left) starts left today")
                    : .warning(
                        "gateway", "only \(left) starts left today", "wait until tomorrow before restarting often"))
        } catch let error as RESTError where error.status == 401 {
            findings.append(.bad("bot token", "Discord refuses it", "copy it again from the developer portal"))
        } catch {
            findings.append(.bad("Discord", "\(error)", "check the network, TIMMYBOT_DISCORD_API_BASE and the CA file"))
        }
        if let date = await rest.serverDate { findings.append(clock(date)) }
        await rest.shutdown()
        return findings
    }

    private func clock(_ server: Date) -> Finding {
        let seconds = Int(Date().timeIntervalSince(server).rounded())
        guard abs(seconds) > 30 else { return .good("clock", "agrees with Discord's") }
        return .warning(
            "clock", "\(seconds) s off from Discord's", "set this machine's clock (timedatectl set-ntp true)")
    }
}
