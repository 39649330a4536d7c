import Synchronization

@testable import TimmyCore

struct FakeMedia: Media {
    let track: Track
}

/// A stream whose position and end are set by the test.
final class FakeStream: AudioStream {
    struct State {
        var position: Duration
        var volume: Int
        var filter: AudioFilter
        var closes = 0
    }

    let track: Track
    let options: AudioOptions
    let events: AsyncStream<AudioStreamEvent>
    private let sink: AsyncStream<AudioStreamEvent>.Continuation
    private let state: Mutex<State>

    init(_ track: Track, _ options: AudioOptions) {
        self.track = track
        self.options = options
        (events, sink) = AsyncStream.makeStream()
        state = Mutex(State(position: options.startAt, volume: options.volume, filter: options.filter))
    }

    var position: Duration { state.withLock { $0.position } }
    var volume: Int { state.withLock { $0.volume } }
    var filter: AudioFilter { state.withLock { $0.filter } }
    var closes: Int { state.withLock { $0.closes } }
    func setVolume(_ percent: Int) async { state.withLock { $0.volume = percent } }
    func setFilter(_ filter: AudioFilter) async { state.withLock { $0.filter = filter } }
    func close() async { state.withLock { $0.closes += 1 } }

    func play(to position: Duration) { state.withLock { $0.position = position } }

    func end(at position: Duration? = nil) {
        play(to: position ?? track.duration ?? .seconds(60))
        sink.yield(.ended)
        sink.finish()
    }

    func fail(_ error: PlayerError) {
        sink.yield(.failed(error))
        sink.finish()
    }
}

final class FakeAudio: AudioPort {
    private let made = Mutex<[FakeStream]>([])
    var streams: [FakeStream] { made.withLock { $0 } }

    func open(_ media: any Media, options: AudioOptions) async throws(PlayerError) -> any AudioStream {
        guard let media = media as? FakeMedia else { throw PlayerError(.mediaFailed, "foreign media") }
        let stream = FakeStream(media.track, options)
        made.withLock { $0.append(stream) }
        return stream
    }

    /// The newest stream of a title.
    func stream(_ title: String) -> FakeStream? { streams.last { $0.track.title == title } }
}

final class FakeVoice: VoicePort {
    enum Call: Equatable {
        case join(ChannelID), leave, play(String), prepare(String?), pause, resume, silence
    }

    private let log = Mutex<[Call]>([])
    private let air = Mutex<FakeStream?>(nil)
    let gate = Gate()
    let refusal = Mutex<PlayerError?>(nil)

    var calls: [Call] { log.withLock { $0 } }
    var onAir: FakeStream? { air.withLock { $0 } }
    var titles: [String] { calls.compactMap { if case .play(let title) = $0 { title } else { nil } } }
    private func note(_ call: Call) { log.withLock { $0.append(call) } }

    func join(_ channel: ChannelID) async throws(PlayerError) {
        note(.join(channel))
        await gate.pass()
        if let error = refusal.withLock({ $0 }) { throw error }
    }

    func leave() async {
        note(.leave)
        air.withLock { $0 = nil }
    }

    func play(_ stream: any AudioStream) async {
        guard let stream = stream as? FakeStream else { return }
        note(.play(stream.track.title))
        air.withLock { $0 = stream }
    }

    func prepare(_ stream: (any AudioStream)?) async { note(.prepare((stream as? FakeStream)?.track.title)) }
    func pause() async { note(.pause) }
    func resume() async { note(.resume) }

    func silence() async {
        note(.silence)
        air.withLock { $0 = nil }
    }
}

/// A door that a test can shut; who comes meanwhile waits.
final class Gate: Sendable {
    private let state = Mutex<(shut: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
    var waiting: Int { state.withLock { $0.waiting.count } }

    func shut() { state.withLock { $0.shut = true } }

    func open() {
        let waiting = state.withLock { state in
            defer { state = (false, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let free = state.withLock { state in
                if state.shut { state.waiting.append(continuation) }
                return !state.shut
            }
            if free { continuation.resume() }
        }
    }
}

final class FakeSource: SourcePort {
    let id: String
    let links: String?
    let gate = Gate()
    let catalogue: Mutex<[Track]>
    let broken = Mutex<[String: PlayerError]>([:])
    let resolveError = Mutex<PlayerError?>(nil)
    let asked = Mutex(0)
    let opened = Mutex<[String]>([])

    init(_ id: String = "fake", tracks: [Track] = [], links: String? = nil) {
        self.id = id
        self.links = links
        catalogue = Mutex(tracks)
    }

    func match(_ input: String) -> Int {
        if let links, input.hasPrefix(links) { return 100 }
        return input.contains("://") ? 0 : 20
    }

    func resolve(_ input: String, limit: Int) async throws(PlayerError) -> [Track] {
        asked.withLock { $0 += 1 }
        await gate.pass()
        if let error = resolveError.withLock({ $0 }) { throw error }
        return Array(catalogue.withLock { $0 }.prefix(limit))
    }

    func open(_ track: Track, startAt: Duration) async throws(PlayerError) -> any Media {
        opened.withLock { $0.append(track.title) }
        await gate.pass()
        if let error = broken.withLock({ $0[track.title] }) { throw error }
        return FakeMedia(track: track)
    }
}

struct Directory: SourceDirectory {
    let sources: [any SourcePort]
    func source(_ id: String) async -> (any SourcePort)? { sources.first { $0.id == id } }
}

/// Keeps both what a store would keep: the entries as written, and the record that they add up to.
final class MemoryJournal: Journal {
    struct State {
        var entries: [JournalEntry] = []
        var records: [GuildID: GuildRecord] = [:]
        var failure: PlayerError?
    }

    let state = Mutex(State())
    let gate = Gate()

    func append(_ entry: JournalEntry) async throws(PlayerError) {
        await gate.pass()
        let failure = state.withLock { state in
            guard state.failure == nil else { return state.failure }
            state.entries.append(entry)
            state.records[entry.guild, default: GuildRecord()].apply(entry)
            return nil
        }
        if let failure { throw failure }
    }

    func load(_ guild: GuildID) async throws(PlayerError) -> GuildRecord? { state.withLock { $0.records[guild] } }
    func forget(_ guild: GuildID) async throws(PlayerError) { state.withLock { $0.records[guild] = nil } }

    func record(_ guild: GuildID) -> GuildRecord? { state.withLock { $0.records[guild] } }
    func fail(_ failure: PlayerError?) { state.withLock { $0.failure = failure } }
}

func song(_ title: String, _ seconds: Int = 180, artist: String = "Band", source: String = "fake") -> Track {
    Track(source: source, key: "key-\(title)", title: title, artist: artist, duration: .seconds(seconds))
}

let broken = PlayerError(.trackUnavailable, "gone", user: "That track is not available.")
let diskFull = PlayerError(.journalFailed, "disk full")

extension Result where Failure == PlayerError {
    var code: PlayerError.Code? { if case .failure(let error) = self { error.code } else { nil } }
}

/// What a throwing call threw, or nil.
func code(_ body: () async throws -> Void) async -> PlayerError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? PlayerError)?.code ?? PlayerError.Code(rawValue: "foreign error: \(error)")
    }
}
