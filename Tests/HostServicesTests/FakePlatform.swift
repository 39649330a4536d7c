import Foundation
import PluginHost
import Synchronization

@testable import HostServices

/// A platform's endpoints: strict about what the RFCs ask for, and as unfriendly as a test wants.
final class FakePlatform: Sendable {
    private struct State {
        var issued = 0
        var challenge = ""
        var pollError: String? = "authorization_pending"
        var polls = 0
        var refreshes: [String] = []
        var refreshAnswer: TestServer.Answer?
    }

    private final class Box: Sendable {
        let state = Mutex(State())

        func grant() -> TestServer.Answer {
            let number = state.withLock { state in
                state.issued += 1
                return state.issued
            }
            return .text(
                #"{"access_token":"access-\#(number)","refresh_token":"refresh-\#(number)","expires_in":3600,"#
                    + #""scope":"granted","token_type":"Bearer"}"#)
        }

        func answer(_ request: TestServer.Request) -> TestServer.Answer {
            let form = Dictionary(
                request.body.split(separator: "&").map { pair in
                    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
                }
            ) { first, _ in first }
            guard request.method == "POST", request.headers["content-type"] == "application/x-www-form-urlencoded"
            else {
                return refused("invalid_request")
            }
            switch request.target {
            case "/device":
                return .text(
                    #"{"device_code":"dev-code","user_code":"ABCD-EFGH","expires_in":60,"interval":5,"#
                        + #""verification_uri":"https://id.test.example/type-it"}"#)
            case "/revoke": return .text("{}")
            case "/token": return token(form)
            default: return .text("?", status: 404)
            }
        }

        private func token(_ form: [String: String]) -> TestServer.Answer {
            switch form["grant_type"] {
            case "authorization_code":
                let challenge = PKCE(verifier: form["code_verifier"] ?? "").challenge
                let isRight = state.withLock { $0.challenge == challenge } && form["code"] == "the-code"
                return isRight && form["redirect_uri"] != nil ? grant() : refused("invalid_grant")
            case "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code":
                let error = state.withLock { state in
                    state.polls += 1
                    return state.pollError
                }
                guard form["device_code"] == "dev-code" else { return refused("invalid_grant") }
                return error.map { refused($0, status: 428) } ?? grant()
            case "refresh_token":
                // Each is good once.
                let (answer, isRight) = state.withLock { state -> (TestServer.Answer?, Bool) in
                    let token = form["refresh_token"] ?? ""
                    defer { state.refreshes.append(token) }
                    return (state.refreshAnswer, !state.refreshes.contains(token) || state.refreshAnswer != nil)
                }
                if let answer {
                    state.withLock { _ = $0.refreshes.popLast() }
                    state.withLock { $0.refreshes.append("(refused)") }
                    return answer
                }
                return isRight ? grant() : refused("invalid_grant")
            case "client_credentials": return grant()
            default: return refused("unsupported_grant_type")
            }
        }

        private func refused(_ error: String, status: Int = 400) -> TestServer.Answer {
            .text(#"{"error":"\#(error)"}"#, status: status)
        }
    }

    private let box = Box()
    let server: TestServer
    let certificate: TestCertificate

    init() throws {
        certificate = try TestCertificate(["id.test.example"])
        server = try TestServer(tls: certificate.context) { [box] in box.answer($0) }
    }

    var polls: Int { box.state.withLock { $0.polls } }
    var refreshes: [String] { box.state.withLock { $0.refreshes } }
    var issued: [String] {
        let count = box.state.withLock { $0.issued }
        return (0..<count).flatMap { ["access-\($0 + 1)", "refresh-\($0 + 1)"] }
    }

    func challenge(from url: String) {
        let challenge = url.split(separator: "code_challenge=").last?.prefix { $0 != "&" } ?? ""
        box.state.withLock { $0.challenge = String(challenge) }
    }
    func answerPolls(with error: String?) { box.state.withLock { $0.pollError = error } }
    func answerRefreshes(with answer: TestServer.Answer?) { box.state.withLock { $0.refreshAnswer = answer } }
}

/// Time that a test moves.
final class ManualTime: TimeService {
    private let now = Mutex<UInt64>(1_000_000)
    func unixMilliseconds() -> Int64 { 1_700_000_000_000 + Int64(monotonicMilliseconds()) }
    func monotonicMilliseconds() -> UInt64 { now.withLock { $0 } }
    func sleep(untilMonotonic milliseconds: UInt64) async throws { try Task.checkCancellation() }
    func advance(_ milliseconds: UInt64) { now.withLock { $0 += milliseconds } }
}
