@testable import TimmyCore

/// One session with doubles all around.
struct Rig {
    let guild: GuildID
    let channel: ChannelID
    let voice = FakeVoice()
    let audio = FakeAudio()
    let source = FakeSource()
    let journal: MemoryJournal
    let time: ManualTime
    let hub = UpdateHub()
    let session: GuildSession
    let user = UserID(7)

    init(
        guild: GuildID = GuildID(1), journal: MemoryJournal = MemoryJournal(), time: ManualTime = ManualTime(),
        record: GuildRecord? = nil, tune: (inout SessionSettings) -> Void = { _ in }
    ) {
        self.guild = guild
        self.journal = journal
        self.time = time
        channel = ChannelID(guild.rawValue * 100)
        var settings = SessionSettings()
        tune(&settings)
        session = GuildSession(
            guild: guild,
            ports: SessionPorts(
                voice: voice, audio: audio, sources: Directory(sources: [source]), journal: journal, time: time,
                hub: hub), settings: settings, record: record)
    }

    var caller: Caller { Caller(user: user, voiceChannel: channel) }

    @discardableResult
    func add(_ titles: String..., mode: AddMode = .append) async throws(PlayerError) -> CommandReply {
        try await session.perform(.add(titles.map { song($0) }, mode), by: caller)
    }

    @discardableResult
    func tell(_ command: GuildCommand) async throws(PlayerError) -> CommandReply {
        try await session.perform(command, by: caller)
    }

    var current: String? { get async { await session.snapshot().current?.track.title } }
    var upcoming: [String] { get async { await session.snapshot(first: 0, count: 100).tracks.map(\.track.title) } }

    /// Waits until `title` is what the channel hears.
    func hears(_ title: String?) async -> Bool {
        await eventually { self.voice.onAir?.track.title == title && (title == nil || self.voice.onAir?.closes == 0) }
    }

    /// Turns the clock once the session sleeps on at least one timer.
    func pass(_ duration: Duration) async {
        _ = await eventually { time.sleeping > 0 }
        time.advance(by: duration)
    }
}
