import Foundation
import TestSupport

@testable import DAVE

/// The Python that has davey and dave.py, where there is one.
enum PeerPython {
    static let path: String? = {
        guard let python = Python.path,
            let child = try? ChildProcess([python, "-c", "import davey, dave"], errors: .discard),
            child.wait() == 0
        else { return nil }
        return python
    }()
}

/// One Python process with many members. Used from one thread.
final class PeerProcess {
    struct Refusal: Error, CustomStringConvertible { let description: String }

    private let process: ChildProcess

    init() throws { process = try ChildProcess(Python.command("dave_peer.py"), errors: .discard) }

    @discardableResult
    func ask(_ what: String, _ user: UInt64, _ more: [String: Any] = [:]) throws -> [UInt8]? {
        let question = more.merging(["do": what, "user": user]) { $1 }
        var line = try JSONSerialization.data(withJSONObject: question)
        line.append(0x0A)
        try process.write(line)
        guard let answer = process.readLine() else { throw Refusal(description: "the peer ended") }
        let reply = JSON(try JSONSerialization.jsonObject(with: Data(answer)))
        if let error = reply["error"].optionalString { throw Refusal(description: error) }
        return reply["payload"].optionalString.map { hex($0) }
    }
}

/// A member of a call, whoever made its library.
protocol CallMember: AnyObject {
    var kind: String { get }
    func keyPackage() throws -> [UInt8]
    /// Op 27; the op 28 payload in answer.
    func proposals(_ payload: [UInt8], users: [UInt64]) throws -> [UInt8]?
    func commit(_ payload: [UInt8]) throws
    func welcome(_ payload: [UInt8], users: [UInt64]) throws
    func authenticator() throws -> [UInt8]?
    func encrypt(_ frame: [UInt8]) throws -> [UInt8]?
    func decrypt(_ frame: [UInt8], from user: UInt64) throws -> [UInt8]?
}

final class PeerMember: CallMember {
    let kind: String
    private let user: UInt64
    private let process: PeerProcess

    init(_ kind: String, _ user: UInt64, channel: UInt64, external: [UInt8], process: PeerProcess) throws {
        (self.kind, self.user, self.process) = (kind, user, process)
        try process.ask("start", user, ["library": kind, "channel": channel, "external": hex(external)])
    }

    func keyPackage() throws -> [UInt8] { try process.ask("key_package", user) ?? [] }
    func proposals(_ payload: [UInt8], users: [UInt64]) throws -> [UInt8]? {
        try process.ask("proposals", user, ["payload": hex(payload), "users": users])
    }
    func commit(_ payload: [UInt8]) throws { try process.ask("commit", user, ["payload": hex(payload)]) }
    func welcome(_ payload: [UInt8], users: [UInt64]) throws {
        try process.ask("welcome", user, ["payload": hex(payload), "users": users])
    }
    func authenticator() throws -> [UInt8]? { try process.ask("authenticator", user) }
    func encrypt(_ frame: [UInt8]) throws -> [UInt8]? { try process.ask("encrypt", user, ["payload": hex(frame)]) }
    func decrypt(_ frame: [UInt8], from sender: UInt64) throws -> [UInt8]? {
        try process.ask("decrypt", user, ["payload": hex(frame), "sender": sender])
    }
}

/// Our client behind the same face: performs the actions as the voice client does.
final class OwnMember: CallMember {
    let kind = "timmybot"
    private var session: DAVESession
    private let encryptor = FrameEncryptor()
    private var decryptors: [UInt64: FrameDecryptor] = [:]
    private let external: [UInt8]
    private var transition: UInt16 = 0
    /// Whether the server is slow to say op 22: then transitions wait for `executeNext`.
    var holdsTransitions = false
    private var held: [UInt16] = []

    init(_ user: UInt64, channel: UInt64, external: [UInt8]) {
        session = DAVESession(userID: user, channelID: channel)
        self.external = external
    }

    private func perform(_ event: DAVEEvent) throws -> (opcode: UInt8, payload: [UInt8])? {
        var sent: (UInt8, [UInt8])?
        var ready: [UInt16] = [], notes: [String] = [], invalid = false
        for action in session.handle(event) {
            switch action {
            case .sendBinary(let opcode, let payload): sent = (opcode, payload)
            case .readyForTransition(let id): ready.append(id)
            case .invalidCommitWelcome: invalid = true
            case .installSender(let ratchet): encryptor.install(ratchet)
            case .blockSender: encryptor.block()
            case .installReceiver(let user, let ratchet):
                decryptors[user, default: FrameDecryptor()].install(ratchet, now: 0)
            case .note(let text): notes.append(text)
            }
        }
        if invalid { throw PeerProcess.Refusal(description: notes.joined(separator: "; ")) }
        held += ready
        if !holdsTransitions { while !held.isEmpty { try executeNext() } }
        return sent
    }

    func executeNext() throws { _ = try perform(.executeTransition(id: held.removeFirst())) }

    func keyPackage() throws -> [UInt8] {
        let sent = try perform(.prepareEpoch(epoch: 1, protocolVersion: 1))
        _ = try perform(.binary(opcode: DAVEOpcode.externalSender, payload: external))
        return sent?.payload ?? []
    }

    func proposals(_ payload: [UInt8], users: [UInt64]) throws -> [UInt8]? {
        _ = try perform(.clientsConnected(users))
        return try perform(.binary(opcode: DAVEOpcode.proposals, payload: payload))?.payload
    }

    private func numbered(_ payload: [UInt8]) -> [UInt8] {
        transition = transition % 1000 + 1
        return [UInt8(transition >> 8), UInt8(transition & 0xFF)] + payload
    }

    func commit(_ payload: [UInt8]) throws {
        _ = try perform(.binary(opcode: DAVEOpcode.announceCommitTransition, payload: numbered(payload)))
    }

    func welcome(_ payload: [UInt8], users: [UInt64]) throws {
        _ = try perform(.clientsConnected(users))
        _ = try perform(.binary(opcode: DAVEOpcode.welcome, payload: numbered(payload)))
    }

    func authenticator() -> [UInt8]? { session.epochAuthenticator }
    func encrypt(_ frame: [UInt8]) -> [UInt8]? { sealed(encryptor, frame) }
    func decrypt(_ frame: [UInt8], from user: UInt64) throws -> [UInt8]? {
        try decryptors[user]?.decrypt(frame, now: 1)
    }
}
