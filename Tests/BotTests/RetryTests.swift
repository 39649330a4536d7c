import CTimmyBot
import Media
import Testing
import TimmyCore

@testable import Bot
@testable import PluginHost

/// Whether a source's failure is worth another try, all the way to the core.
@Suite("Trying again")
struct RetryTests {
    private func retry(_ code: Int32, after rest: Duration? = nil) -> PlayerError.Retry {
        let failure = PluginFailure(code: code, detail: "test", retryAfter: rest)
        let (direct, through) = (PlayerError(failure).retry, PlayerError(MediaError(failure)).retry)
        #expect(direct == through, "an opening and a stream that breaks off are alike")
        return direct
    }

    @Test func troubleOnTheWayPasses() {
        #expect(retry(TB_E_IO) == .after(.zero))
        #expect(retry(TB_E_TIMEOUT) == .after(.zero))
        guard case .after(let rest) = retry(TB_E_RATE_LIMIT) else { return #expect(Bool(false), "a limit passes") }
        #expect(rest > .zero)
    }

    @Test(arguments: [TB_E_NOT_FOUND, TB_E_UNAVAILABLE, TB_E_AUTH, TB_E_UNSUPPORTED, TB_E_INVALID, TB_E_INTERNAL])
    func whatIsSaidForGoodIsNotTriedAgain(_ code: Int32) { #expect(retry(code) == .never) }

    @Test func aPluginsTimeToWaitIsTakenOver() {
        var raw = tb_error_v1()
        raw.code = TB_E_RATE_LIMIT
        #expect(PluginFailure(raw).retryAfter == nil)
        raw.retry_after_ms = 1_500
        #expect(PluginFailure(raw).retryAfter == .milliseconds(1_500))
    }

    @Test func whatTheSourceSaysCounts() {
        #expect(retry(TB_E_RATE_LIMIT, after: .seconds(7)) == .after(.seconds(7)))
        #expect(retry(TB_E_UNAVAILABLE, after: .seconds(1)) == .after(.seconds(1)))
        #expect(retry(TB_E_IO, after: .seconds(1 << 40)) == .after(.seconds(86_400)))
    }
}
