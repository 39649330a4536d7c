extension GuildMachine {
    /// Everything that has to survive, as of now.
    public var record: GuildRecord { GuildRecord(queue: queue, playback: playbackRecord) }

    private var playbackRecord: PlaybackRecord {
        let channel: ChannelID?
        switch voice {
        case .out: channel = restorable
        case .joining(let joining): channel = joining.from
        case .connected(let here): channel = here
        case .recovering(let recovery): channel = recovery.channel
        }
        return PlaybackRecord(
            voiceChannel: channel, textChannel: textChannel, positionMilliseconds: position.milliseconds,
            isPaused: isPaused, volume: volume, filter: filter)
    }

    /// What the journal has to know about the events handled since the last call; nil when nothing worth it happened.
    public mutating func takeJournalEntry(forced: Bool = false) -> JournalEntry? {
        let playback = playbackRecord
        var sameButPosition = journaled
        sameButPosition.positionMilliseconds = playback.positionMilliseconds
        let isChange = !edits.isEmpty || sameButPosition != playback || positionJumped || journalIsBehind
        guard isChange || checkpointDue || forced else { return nil }
        let change: JournalEntry.Change = journalIsBehind ? .replace(queue) : .edits(edits)
        edits = []
        checkpointDue = false
        positionJumped = false
        journalIsBehind = false
        journaled = playback
        return JournalEntry(guild: guild, change: change, playback: playback, isCheckpoint: !isChange && !forced)
    }

    /// The last entry could not be written although its change stands: the next one has to hold everything.
    public mutating func journalMissed() { journalIsBehind = true }
}
