import DiscordModel
import DiscordREST
import Synchronization

@testable import Bot

/// Interaction endpoints as Discord keeps them, for one interaction: what is seen by whom, and faults on demand.
final class FakeDiscord: InteractionREST, Sendable {
    struct Shown: Equatable {
        let id: UInt64
        var text: String
        var isEphemeral: Bool
        var isLoading = false
    }

    enum Call: Equatable { case callback(Int), editOriginal, deleteOriginal, followUp, edit }

    fileprivate struct State {
        var shown: [Shown] = []
        var calls: [Call] = []
        var original: UInt64?
        var isAcknowledged = false
        var isDeferred = false
        var modal: JSONValue?
        var faults: [(call: Call, error: RESTError, arrives: Bool)] = []
        var next: UInt64 = 100
    }

    private let state = Mutex(State())
    /// Holds every call until it is opened.
    let gate = Gate()

    /// What the caller and others see, in order.
    var shown: [Shown] { state.withLock { $0.shown } }
    var calls: [Call] { state.withLock { $0.calls } }
    var modal: JSONValue? { state.withLock { $0.modal } }
    /// Seen by everybody in the channel.
    var seenByAll: [String] { shown.filter { !$0.isEphemeral && !$0.isLoading }.map(\.text) }

    /// The next call of this kind fails; with `arrives` Discord does it, and only its answer is lost.
    func fail(_ call: Call, _ error: RESTError, arrives: Bool = false) {
        state.withLock { $0.faults.append((call, error, arrives)) }
    }

    static let reset = RESTError(kind: .unreachable, route: "test", message: "reset")
    static func status(_ status: Int, _ code: Int? = nil) -> RESTError {
        RESTError(kind: .status(status, code: code), route: "test", message: "status \(status)")
    }

    private func perform<Value>(_ call: Call, _ body: (inout State) throws -> Value) async throws -> Value {
        await gate.pass()
        return try state.withLock { state in
            state.calls.append(call)
            let fault = state.faults.firstIndex { $0.call == call }.map { state.faults.remove(at: $0) }
            if let fault, !fault.arrives { throw fault.error }
            let value = try body(&state)
            if let fault { throw fault.error }
            return value
        }
    }

    func createInteractionResponse(
        _ interaction: DiscordModel.Snowflake, token: String, type: Int, data: JSONValue?, attachments: [Attachment]
    ) async throws {
        try await perform(.callback(type)) { state in
            guard !state.isAcknowledged else { throw Self.status(400, 40060) }
            state.isAcknowledged = true
            state.isDeferred = type == 5
            if type == 9 { state.modal = data }
            guard type == 4 || type == 5 else { return }
            state.original = state.next
            state.show(data, isLoading: type == 5)
        }
    }

    func editOriginalResponse(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue {
        try await perform(.editOriginal) { state in
            try state.change(state.original, message)
            state.isDeferred = false
            return [:]
        }
    }

    func deleteOriginalResponse(application: DiscordModel.Snowflake, token: String) async throws {
        try await perform(.deleteOriginal) { state in
            guard let original = state.original else { throw Self.status(404, 10008) }
            state.shown.removeAll { $0.id == original }
            state.original = nil
            state.isDeferred = false
        }
    }

    func createFollowup(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue {
        try await perform(.followUp) { state in
            // The first one fills a deferred answer in, and its flags do not count.
            if state.isDeferred, let original = state.original {
                try state.change(original, message)
                state.isDeferred = false
                return ["id": .string(String(original))]
            }
            let id = state.next
            state.show(message, isLoading: false)
            return ["id": .string(String(id))]
        }
    }

    func editFollowup(
        application: DiscordModel.Snowflake, token: String, message: DiscordModel.Snowflake, _ body: JSONValue,
        attachments: [Attachment]
    ) async throws -> JSONValue {
        try await perform(.edit) { state in
            try state.change(message.rawValue, body)
            return [:]
        }
    }
}

extension FakeDiscord.State {
    fileprivate mutating func show(_ data: JSONValue?, isLoading: Bool) {
        let flags = data?["flags"]?.int ?? 0
        shown.append(
            FakeDiscord.Shown(
                id: next, text: data.map { text(of: $0) } ?? "", isEphemeral: flags & 64 != 0, isLoading: isLoading))
        next += 1
    }

    fileprivate mutating func change(_ id: UInt64?, _ message: JSONValue) throws {
        guard let index = shown.firstIndex(where: { $0.id == id }) else { throw FakeDiscord.status(404, 10008) }
        shown[index].text = text(of: message)
        shown[index].isLoading = false
    }
}

/// Lets everybody pass, or holds them until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = true
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var waiting: Int { state.withLock { $0.waiting.count } }
    var isOpen: Bool { state.withLock { $0.isOpen } }

    func close() { state.withLock { $0.isOpen = false } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// A gateway that takes everything and never has a session.
struct NoGateway: VoiceGateway {
    func updateVoiceState(
        guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake?, sent: @escaping @Sendable () -> Void
    ) async {}
    var standingSession: Int? { nil }
    func speakOnStage(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake) async -> StageAnswer {
        .speaking
    }
}

/// Texts in the order in which they came.
final class Texts: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
}
