import Crypto

/// The client side of DAVE for one voice connection: a pure state machine.
public struct DAVESession: Sendable {
    /// Highest protocol version that we speak.
    public static let maximumProtocolVersion = 1
    /// Proposals and own commits kept per epoch.
    static let maximumPending = 512
    /// Bytes of one binary message; a welcome to a call of thousands is smaller.
    static let maximumPayload = 1 << 20

    let userID: UInt64
    let groupID: [UInt8]
    let signatureKey: P256.Signing.PrivateKey
    private let fixedMember: MemberKeys?

    var member: MemberKeys?
    var externalSender: ExternalSender?
    /// The group of one from which the first commit of a new call is made.
    var pending: Group?
    var group: Group?
    var proposals: [(reference: [UInt8], proposal: Proposal)] = []
    var ownCommits: [(bytes: [UInt8], group: Group)] = []
    var recognized: Set<UInt64>
    var transitions: [UInt16: Transition] = [:]
    /// Our key of the group's epoch.
    var senderKey: SenderKey?
    /// Number of the newest key that was installed.
    private var installedKey = 0
    private var lastKey = 0

    /// The key of our frames in one epoch, numbered in the order of the epochs.
    struct SenderKey: Sendable {
        let number: Int
        let ratchet: KeyRatchet
    }

    /// What a transition leads to.
    struct Transition: Sendable {
        let version: Int
        /// Of the epoch that it was announced with; nil is that of the moment when it is executed.
        let key: SenderKey?
    }

    /// Version of the call: 0 is clear.
    public private(set) var protocolVersion = 0

    /// - Parameters:
    ///   - userID: our own user.
    ///   - channelID: of the voice channel; it names the MLS group.
    public init(userID: UInt64, channelID: UInt64) {
        self.init(userID: userID, channelID: channelID, member: nil)
    }

    /// With known keys, for test vectors.
    init(userID: UInt64, channelID: UInt64, member: MemberKeys?) {
        self.userID = userID
        groupID = TLSWriter.build { $0.uint64(channelID) }
        signatureKey = member?.signatureKey ?? P256.Signing.PrivateKey()
        fixedMember = member
        recognized = [userID]
    }

    /// Secret-free proof of the epoch, equal in all members; nil outside a group.
    public var epochAuthenticator: [UInt8]? { group?.secrets.epochAuthenticator }

    /// Thirty digits that members compare.
    public var voicePrivacyCode: String? {
        epochAuthenticator.flatMap { DisplayableCode.digits(of: $0, length: 30, groupSize: 5) }
    }

    /// Users in the group, by leaf.
    public var members: [UInt64] { group?.tree.members.compactMap(\.leaf.credential.userID) ?? [] }

    public mutating func handle(_ event: DAVEEvent) -> [DAVEAction] {
        switch event {
        case .sessionDescription(let version): return start(version)
        case .clientsConnected(let users):
            recognized.formUnion(users.prefix(Self.maximumPending))
            return []
        case .clientDisconnected(let user):
            if user != userID { recognized.remove(user) }
            return []
        case .prepareTransition(let id, let version): return prepare(id, version)
        case .executeTransition(let id): return execute(id)
        case .prepareEpoch(let epoch, let version): return epoch == 1 ? restart(version) : []
        case .binary(let opcode, let payload): return binary(opcode, payload)
        }
    }

    // MARK: Versions and transitions

    private mutating func start(_ version: Int) -> [DAVEAction] {
        guard (0...Self.maximumProtocolVersion).contains(version) else {
            return [.note("unknown DAVE protocol version \(version)"), .blockSender]
        }
        protocolVersion = version
        transitions = [:]
        leaveGroup()
        guard version > 0 else { return [.installSender(nil)] }
        return [.blockSender] + offerKeyPackage()
    }

    /// A new group. While the call is still in clear, it stays so until the transition is executed.
    private mutating func restart(_ version: Int) -> [DAVEAction] {
        let wasClear = protocolVersion == 0
        let actions = start(version)
        guard wasClear, version == Self.maximumProtocolVersion else { return actions }
        protocolVersion = 0
        return actions.filter { $0 != .blockSender }
    }

    private mutating func leaveGroup() {
        group = nil
        senderKey = nil
        pending = nil
        proposals = []
        ownCommits = []
    }

    /// A fresh key package: one is good for one welcome.
    mutating func offerKeyPackage() -> [DAVEAction] {
        do {
            let fresh = try fixedMember ?? MemberKeys(userID: userID, signatureKey: signatureKey)
            member = fresh
            makePendingGroup()
            return [.sendBinary(opcode: DAVEOpcode.keyPackage, payload: fresh.keyPackage.encoded)]
        } catch {
            return [.note("no key package: \(error)")]
        }
    }

    mutating func makePendingGroup() {
        guard let member, let externalSender, group == nil else { return }
        pending = Group(creating: groupID, member: member, extensions: [externalSender.groupExtension])
    }

    private mutating func prepare(_ id: UInt16, _ version: Int, _ key: SenderKey? = nil) -> [DAVEAction] {
        let transition = Transition(version: version, key: key)
        guard id != 0 else { return enter(transition) }
        if transitions.count >= 16 { transitions.removeAll() }
        transitions[id] = transition
        // Others may send in clear as soon as they execute: accept that from now on.
        let clear: [DAVEAction] =
            version == 0 ? members.filter { $0 != userID }.map { .installReceiver(userID: $0, nil) } : []
        return clear + [.readyForTransition(id: id)]
    }

    private mutating func execute(_ id: UInt16) -> [DAVEAction] {
        guard let transition = transitions.removeValue(forKey: id) else {
            return [.note("transition \(id) was not prepared")]
        }
        return enter(transition)
    }

    /// From here on we send as `transition` says.
    private mutating func enter(_ transition: Transition) -> [DAVEAction] {
        protocolVersion = transition.version
        guard transition.version > 0 else {
            let others = members.filter { $0 != userID }
            leaveGroup()
            return [.installSender(nil)] + others.map { .installReceiver(userID: $0, nil) }
        }
        guard group != nil, let key = transition.key ?? senderKey else { return [.blockSender] }
        // Installed again, a key would begin again with its first nonce, and encrypt two frames with one nonce.
        guard key.number > installedKey else { return [] }
        installedKey = key.number
        return [.installSender(key.ratchet)]
    }

    /// A new epoch: receive with it at once, send with it when the transition is executed.
    mutating func adopt(_ next: Group, transition id: UInt16) -> [DAVEAction] {
        group = next
        lastKey += 1
        let key = SenderKey(
            number: lastKey, ratchet: KeyRatchet(baseSecret: KeyRatchet.baseSecret(of: userID, in: next.secrets)))
        senderKey = key
        // A key package is good for one welcome; its init key goes with it (RFC 9420, section 16.8).
        member = nil
        pending = nil
        proposals = []
        ownCommits = []
        let receivers = members.filter { $0 != userID }.map { user in
            DAVEAction.installReceiver(
                userID: user, KeyRatchet(baseSecret: KeyRatchet.baseSecret(of: user, in: next.secrets)))
        }
        return receivers + prepare(id, max(protocolVersion, 1), key)
    }
}
