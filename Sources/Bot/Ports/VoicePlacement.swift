import DiscordModel
import TimmyCore

/// One guild's way into voice, as a value without socket, clock and task: what Discord and the voice connection say goes
/// in, what is to be done comes out. `GuildVoice` performs it.
struct VoicePlacement: Sendable {
    typealias Snowflake = DiscordModel.Snowflake

    enum Event: Sendable {
        case join(Snowflake)
        case leave
        /// VOICE_STATE_UPDATE of ourselves.
        case ownState(channel: Snowflake?, sessionID: String)
        /// VOICE_SERVER_UPDATE.
        case server(token: String, endpoint: String?)
        /// READY: this gateway session is a new one and knows nothing of our call.
        case newGatewaySession
        /// The op 4 of that number has left.
        case asked(Int)
        case connection(Int, Connection)
        case timer(Timer, Int)
    }

    /// What a voice connection came to.
    enum Connection: Sendable {
        case ready
        /// The voice session is over; a new one may be asked for.
        case sessionEnded(String)
        /// Put out of the call: a kick, a move, or its end. The gateway may say which.
        case removed(String)
        /// Coming back would not help.
        case stopped(String)
    }

    enum Timer: Sendable, Hashable, CaseIterable {
        /// For what was asked of the gateway to lead to audio.
        case answer
        /// For what follows on being put out of the call.
        case dismissal
        /// Until a new session is asked for.
        case renewal
        /// How long a voice server may have been named before the channel that it is for.
        case pairing
        /// After this long a connection counts as good.
        case steady

        /// Whether the gateway is waited for: the time counts only while it has a session.
        var isForGateway: Bool { self == .answer || self == .dismissal }
    }

    /// One voice connection to be made.
    struct Call: Sendable, Equatable {
        let id: Int
        let channel: Snowflake
        let sessionID, token, endpoint: String
    }

    enum Action: Sendable {
        /// Op 4, with a number for `asked`.
        case ask(Snowflake?, Int)
        /// In place of the connection before.
        case connect(Call)
        case drop
        case arm(Timer, Int, after: Duration)
        case disarm(Timer)
        /// Who waits for the join may go on.
        case joined
        case joinFailed(PlayerError)
        case tell(TimmyCore.VoiceEvent)
        case tellListeners
        case note(String)
    }

    static let answerTime = Duration.seconds(15)
    static let dismissalTime = Duration.seconds(5)
    static let pairingTime = Duration.seconds(3)
    static let steadyTime = Duration.seconds(60)
    /// Waits before each new session; when they are used up it is given up.
    static let renewalDelays: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30)]

    /// Where Discord was asked to put us; nil is nowhere.
    private(set) var target: Snowflake?
    private(set) var isReady = false
    private var isJoining = false
    /// Of our voice state; nil until Discord has confirmed what was last asked for.
    private var sessionID: String?
    private var server: (token: String, endpoint: String)?
    /// A server that was named when the channel had one already: for that channel, or for the one we are moved to next.
    private var early: (token: String, endpoint: String)?
    /// Whether a connection was made since the channel last changed.
    private var isPaired = false
    private var current: Int?
    /// Whether the current connection was made with `early`.
    private var isGuess = false
    private var lastCall = 0
    private var renewals = 0
    private var lastAsk = 0
    /// The op 4 that names a channel and has not left yet: only afterwards can there be an answer.
    private var unsent: Int?
    private var lastTimer = 0
    private var armed: [Timer: Int] = [:]
    private var actions: [Action] = []

    mutating func handle(_ event: Event) -> [Action] {
        actions = []
        switch event {
        case .join(let channel): join(channel)
        case .leave: leave()
        case .ownState(let channel?, let session): confirmed(channel, session)
        case .ownState(nil, let session): gone(session)
        case .server(let token, let endpoint): named(token, endpoint)
        case .newGatewaySession: askAnew()
        case .asked(let number): asked(number)
        case .connection(let id, let what): if id == current { connectionSays(what) }
        case .timer(let timer, let number):
            guard armed[timer] == number else { break }
            armed[timer] = nil
            fired(timer)
        }
        return actions
    }

    // MARK: Wishes

    private mutating func join(_ channel: Snowflake) {
        if target == channel, isReady { return actions.append(.joined) }
        target = channel
        forgetAnswers()
        // What plays goes on until the new connection stands, but what becomes of it no longer counts.
        current = nil
        isReady = false
        isJoining = true
        for timer in [Timer.answer, .dismissal, .renewal] { disarm(timer) }
        ask(channel)
    }

    private mutating func leave() {
        let wasIn = target != nil
        forget()
        renewals = 0
        actions.append(.drop)
        if wasIn { ask(nil) }
    }

    private mutating func ask(_ channel: Snowflake?) {
        lastAsk += 1
        unsent = channel == nil ? nil : lastAsk
        actions.append(.ask(channel, lastAsk))
    }

    /// Hundreds of guilds may wait for the gateway's send limit: the time for an answer runs from here. A join has one
    /// deadline, whatever it takes.
    private mutating func asked(_ number: Int) {
        guard unsent == number else { return }
        unsent = nil
        if !isJoining || armed[.answer] == nil { arm(.answer, Self.answerTime) }
    }

    private var awaitsAnswer: Bool { unsent != nil || armed[.answer] != nil }

    private mutating func forgetAnswers() {
        sessionID = nil
        server = nil
        early = nil
        isPaired = false
    }

    private mutating func forget() {
        target = nil
        isReady = false
        isJoining = false
        current = nil
        unsent = nil
        forgetAnswers()
        for timer in Timer.allCases { disarm(timer) }
    }

    // MARK: The gateway

    private mutating func confirmed(_ channel: Snowflake, _ session: String) {
        guard let target, sessionID != nil || channel == target else { return }
        sessionID = session
        if channel != target {
            self.target = channel
            // Its server may have been named already; another one than that is named soon.
            server = early
            isGuess = early != nil
            early = nil
            isPaired = false
            isReady = false
            current = nil
            actions.append(.drop)
            actions.append(.tell(.moved(ChannelID(channel.rawValue))))
            actions.append(.tellListeners)
            arm(.answer, Self.answerTime)
        }
        connectIfComplete()
    }

    private mutating func gone(_ session: String) {
        // Until Discord has confirmed what we last asked for, this is the echo of an earlier leave; and what another
        // session of ours left is no news either.
        guard target != nil, let own = sessionID, session == own || session.isEmpty else { return }
        let wasJoining = isJoining
        forget()
        actions.append(.drop)
        if wasJoining {
            actions.append(
                .joinFailed(
                    PlayerError(.cannotConnect, "disconnected", user: "I was disconnected from the channel.")))
        }
        actions.append(.tell(.disconnected))
    }

    private mutating func named(_ token: String, _ endpoint: String?) {
        guard target != nil else { return }
        guard let endpoint else {
            // The server is gone; another one will be named.
            server = nil
            early = nil
            current = nil
            isReady = false
            actions.append(.drop)
            disarm(.dismissal)
            if !isJoining, unsent == nil { arm(.answer, Self.answerTime) }
            return
        }
        server = (token, endpoint)
        isGuess = false
        if isPaired {
            early = server
            arm(.pairing, Self.pairingTime)
        }
        connectIfComplete()
    }

    private mutating func askAnew() {
        guard let target else { return }
        // The call may live on until the new session has been given its own. What the old one was to say will not come.
        forgetAnswers()
        for timer in [Timer.answer, .dismissal, .renewal] { disarm(timer) }
        ask(target)
    }

    private mutating func connectIfComplete() {
        guard let target, let sessionID, let given = server else { return }
        // Each server update is good for one connection.
        server = nil
        isPaired = true
        isReady = false
        lastCall += 1
        current = lastCall
        disarm(.dismissal)
        disarm(.renewal)
        disarm(.steady)
        actions.append(
            .connect(
                Call(
                    id: lastCall, channel: target, sessionID: sessionID, token: given.token, endpoint: given.endpoint)))
        // The connection has deadlines of its own.
        guard !isJoining else { return }
        unsent = nil
        disarm(.answer)
    }

    // MARK: The connection

    private mutating func connectionSays(_ what: Connection) {
        switch what {
        case .ready:
            isReady = true
            isJoining = false
            unsent = nil
            disarm(.answer)
            arm(.steady, Self.steadyTime)
            actions.append(.joined)
            // Who came and went meanwhile may have been told of another channel, or by a gateway session that is over.
            actions.append(.tellListeners)
        case .sessionEnded(let reason): renew(reason)
        case .removed(let message):
            actions.append(.note(message))
            dropConnection()
            // Where an answer is awaited, that is what follows.
            if !isJoining, !awaitsAnswer { arm(.dismissal, Self.dismissalTime) }
        case .stopped(let message): if isGuess { renew(message) } else { giveUp(message) }
        }
    }

    private mutating func dropConnection() {
        current = nil
        isReady = false
        disarm(.steady)
        actions.append(.drop)
    }

    /// Asks Discord for a new voice session, later and later.
    private mutating func renew(_ reason: String) {
        actions.append(.note(reason))
        dropConnection()
        guard renewals < Self.renewalDelays.count else { return giveUp(reason) }
        let delay = Self.renewalDelays[renewals]
        renewals += 1
        if delay == .zero { askForSession() } else { arm(.renewal, delay) }
    }

    private mutating func askForSession() {
        guard let target else { return }
        forgetAnswers()
        // Asked for the channel that we are in already, Discord would name no server.
        ask(nil)
        ask(target)
    }

    private mutating func giveUp(_ message: String) {
        let wasJoining = isJoining
        forget()
        renewals = 0
        actions.append(.drop)
        ask(nil)
        let error = PlayerError(
            .voiceFailed, message,
            user: wasJoining
                ? "Discord's voice server does not let me in."
                : "Discord ended my voice connection, so I left. The queue is kept: /resume brings me back.",
            retry: .never)
        actions.append(.note("left: \(message)"))
        actions.append(wasJoining ? .joinFailed(error) : .tell(.lost(error)))
    }

    // MARK: Time

    private mutating func arm(_ timer: Timer, _ after: Duration) {
        lastTimer += 1
        armed[timer] = lastTimer
        actions.append(.arm(timer, lastTimer, after: after))
    }

    private mutating func disarm(_ timer: Timer) {
        if armed.removeValue(forKey: timer) != nil { actions.append(.disarm(timer)) }
    }

    private mutating func fired(_ timer: Timer) {
        switch timer {
        case .answer:
            if isJoining {
                actions.append(
                    .joinFailed(
                        PlayerError(
                            .cannotConnect, "no answer from Discord's voice",
                            user: "I could not get into the channel. It may be full.", retry: .after(.seconds(5)))))
            } else if !isReady, current == nil {
                renew("Discord named no voice server")
            }
        case .dismissal: giveUp("put out of the call without another word")
        case .renewal: askForSession()
        case .pairing: early = nil
        case .steady: renewals = 0
        }
    }
}
