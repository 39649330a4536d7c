import DiscordModel
import Testing

@testable import DiscordREST

@Suite struct RateLimitTests {
    private let route = Route("POST", "/channels/{}/messages", major: "1")
    private let other = Route("POST", "/channels/{}/messages", major: "2")

    private func headers(
        _ remaining: Int? = nil, _ reset: Double? = nil, bucket: String? = nil, retry: Double? = nil,
        scope: String? = nil,
        global: Bool = false, limit: Int? = nil
    ) -> RateLimitHeaders {
        var headers = RateLimitHeaders()
        headers.bucket = bucket
        headers.limit = limit
        headers.remaining = remaining
        headers.resetAfter = reset
        headers.retryAfter = retry
        headers.scope = scope
        headers.global = global
        return headers
    }

    @Test func anEmptyBucketWaitsForItsReset() {
        var limits = RateLimits()
        #expect(limits.admit(route, now: 0) == .go)
        limits.update(route, status: 200, headers: headers(1, 5, bucket: "b"), now: 0)
        #expect(limits.admit(route, now: 1) == .go)
        #expect(limits.admit(route, now: 1) == .wait(seconds: 4))
        #expect(limits.admit(other, now: 1) == .go, "another channel has a bucket of its own")
        #expect(limits.admit(route, now: 5.1) == .go)
    }

    @Test func routesThatShareABucketShareItsCount() {
        var limits = RateLimits()
        let edit = Route("PATCH", "/channels/{}/messages/{}", major: "1")
        limits.update(route, status: 200, headers: headers(1, 5, bucket: "same"), now: 0)
        limits.update(edit, status: 200, headers: headers(0, 5, bucket: "same"), now: 0)
        #expect(limits.admit(route, now: 1) == .wait(seconds: 4))
    }

    @Test func answersThatOvertakeEachOtherDoNotAddRequests() {
        var limits = RateLimits()
        limits.update(route, status: 200, headers: headers(1, 5), now: 0)
        limits.update(route, status: 200, headers: headers(3, 5), now: 0.1)
        #expect(limits.admit(route, now: 0.2) == .go)
        guard case .wait = limits.admit(route, now: 0.2) else {
            Issue.record("the stale count was believed")
            return
        }
    }

    /// Everybody who waited asks in the same instant.
    @Test func aResetLetsNoMoreThroughThanAWindowHas() {
        var limits = RateLimits()
        limits.update(route, status: 200, headers: headers(0, 5, limit: 3), now: 0)
        let asked = (0..<20).map { _ in limits.admit(route, now: 5) }
        #expect(asked.filter { $0 == .go }.count == 3 && asked.prefix(3).allSatisfy { $0 == .go })
        // The first answer counts itself only.
        limits.update(route, status: 200, headers: headers(2, 5, limit: 3), now: 5.25)
        #expect(limits.admit(route, now: 5.5) == .wait(seconds: 4.75))
        #expect(limits.admit(route, now: 10.25) == .go)
    }

    @Test func whereTheLimitIsNotKnownOneGoesAhead() {
        var limits = RateLimits()
        limits.update(route, status: 429, headers: headers(retry: 3), now: 0)
        #expect(limits.admit(route, now: 3) == .go)
        guard case .wait = limits.admit(route, now: 3) else {
            Issue.record("two went before there was an answer")
            return
        }
        limits.update(route, status: 200, headers: headers(4, 5), now: 3.1)
        for _ in 0..<4 { #expect(limits.admit(route, now: 3.2) == .go) }
        #expect(limits.admit(route, now: 3.2) != .go)
    }

    /// An answer may never come, or say nothing.
    @Test func aWindowWithoutAnAnswerEnds() {
        var limits = RateLimits()
        limits.update(route, status: 429, headers: headers(retry: 3), now: 0)
        for now in stride(from: 3.0, to: 13, by: 1) { #expect(limits.admit(route, now: now) == .go) }
    }

    @Test(arguments: ["user", "shared", nil] as [String?]) func a429StopsItsBucketOnly(scope: String?) {
        var limits = RateLimits()
        limits.update(route, status: 429, headers: headers(retry: 3, scope: scope), now: 0)
        #expect(limits.admit(route, now: 1) == .wait(seconds: 2))
        #expect(limits.admit(other, now: 1) == .go)
    }

    @Test func aGlobal429StopsAllButInteractionCallbacks() {
        var limits = RateLimits()
        limits.update(route, status: 429, headers: headers(retry: 3, scope: "global", global: true), now: 0)
        #expect(limits.admit(other, now: 1) == .wait(seconds: 2))
        let callback = Route("POST", "/interactions/{}/{}/callback", major: "9", exemptFromGlobal: true)
        #expect(limits.admit(callback, now: 1) == .go)
    }

    @Test func fiftyASecondAndNoMore() {
        var limits = RateLimits()
        for index in 0..<50 { #expect(limits.admit(Route("GET", "/x", major: "\(index)"), now: 0) == .go) }
        #expect(limits.admit(Route("GET", "/x", major: "z"), now: 0.25) == .wait(seconds: 0.75))
        #expect(limits.admit(Route("GET", "/x", major: "z"), now: 1) == .go)
    }

    @Test func refusedRequestsEndInSilenceBeforeDiscordBansUs() {
        var limits = RateLimits()
        for index in 0..<RateLimits.invalidBudget {
            limits.update(route, status: index % 2 == 0 ? 403 : 401, headers: headers(), now: 0)
        }
        #expect(limits.admit(other, now: 100) == .refused(seconds: 500))
        #expect(limits.admit(other, now: 601) == .go)
        for _ in 0..<RateLimits.invalidBudget {
            limits.update(route, status: 429, headers: headers(scope: "shared"), now: 700)
        }
        #expect(limits.admit(other, now: 800) == .go, "shared limits are nobody's fault")
    }

    @Test func retriesAreBoundedAndJittered() {
        let policy = RetryPolicy()
        #expect(policy.delay(attempt: 1, random: 0) == 0.25)
        #expect(policy.delay(attempt: 1, random: 1) == 0.5)
        #expect(policy.delay(attempt: 4, random: 0) == nil)
        #expect(RetryPolicy.isRetryable(status: 502))
        #expect(!RetryPolicy.isRetryable(status: 400))
    }
}

@Suite struct CommandComparisonTests {
    private let command: JSONValue = [
        "name": "play", "description": "Play", "type": 1, "contexts": [0], "integration_types": [0],
        "options": [["name": "query", "description": "What", "type": 3, "required": true, "autocomplete": true]],
    ]

    @Test func whatDiscordAddsIsNoDifference() {
        guard case .object(var members) = command else { return }
        members["id"] = "1"
        members["version"] = "2"
        members["application_id"] = "3"
        members["nsfw"] = false
        members["default_member_permissions"] = .null
        #expect(!CommandComparison.differ(wanted: [command], registered: [.object(members)]))
    }

    @Test func permissionsComeBackAsText() {
        guard case .object(var members) = command else { return }
        members["default_member_permissions"] = 8
        let wanted = JSONValue.object(members)
        members["default_member_permissions"] = "8"
        #expect(!CommandComparison.differ(wanted: [wanted], registered: [.object(members)]))
        members["default_member_permissions"] = "0"
        #expect(CommandComparison.differ(wanted: [wanted], registered: [.object(members)]))
    }

    @Test func realDifferencesAreSeen() {
        guard case .object(var members) = command else { return }
        members["description"] = "Other"
        #expect(CommandComparison.differ(wanted: [command], registered: [.object(members)]))
        #expect(CommandComparison.differ(wanted: [command], registered: []))
        #expect(CommandComparison.differ(wanted: [], registered: [command]))
    }
}
