import Synchronization
import Testing

@testable import TimmyCore

@Suite("Breaker")
struct BreakerTests {
    @Test func opensAfterAStreakAndLetsOneTry() {
        var breaker = Breaker(threshold: 3, firstWait: .seconds(10), longestWait: .seconds(25))
        for second in 0..<3 {
            #expect(breaker.allow(at: .seconds(second)) == true)
            breaker.failed(at: .seconds(second))
        }
        #expect(breaker.allow(at: .seconds(11)) == false)
        #expect(breaker.allow(at: .seconds(12)) == true)
        #expect(breaker.allow(at: .seconds(13)) == false, "only one may try")
        breaker.failed(at: .seconds(13))
        #expect(breaker.allow(at: .seconds(32)) == false)
        #expect(breaker.allow(at: .seconds(33)) == true, "twice as long")
        breaker.failed(at: .seconds(33))
        #expect(breaker.allow(at: .seconds(57)) == false)
        #expect(breaker.allow(at: .seconds(58)) == true, "never longer than the longest")
        breaker.succeeded()
        #expect(breaker.state == .closed(failures: 0))
    }

    @Test func aSuccessEndsTheStreakAndALostProbeDoesNotBlockForEver() {
        var breaker = Breaker(threshold: 2, firstWait: .seconds(10))
        breaker.failed(at: .zero)
        breaker.succeeded()
        breaker.failed(at: .zero)
        #expect(breaker.allow(at: .zero) == true)
        breaker.failed(at: .zero)
        #expect(breaker.allow(at: .seconds(10)) == true)
        #expect(breaker.allow(at: .seconds(20)) == true, "nothing was heard of the first try")
    }
}

@Suite("Relevance")
struct RelevanceTests {
    @Test func foldsCaseAccentsAndPunctuation() {
        #expect(
            TextFolding.words("Beyoncé – “Déjà Vu” (feat. JAY‑Z)") == ["beyonce", "deja", "vu", "feat", "jay", "z"])
        #expect(TextFolding.words("Don’t Stop Me Now") == ["dont", "stop", "me", "now"])
        #expect(TextFolding.words("e\u{301}toile Ünï Straße Łódź") == ["etoile", "uni", "strasse", "lodz"])
        #expect(TextFolding.words("米津玄師 Lemon") == ["米津玄師", "lemon"])
        #expect(TextFolding.titleWords("Song (Official Video) [HD]") == ["song"])
    }

    @Test(arguments: [
        ("abcd", "abcd", 0), ("abcd", "abdc", 1), ("abcd", "abd", 1), ("queen", "quen", 1), ("rhapsody", "rapsodi", 2),
    ])
    func countsTypos(a: String, b: String, distance: Int) {
        #expect(editDistance(a.utf8, b.utf8, limit: 2) == distance)
        #expect(editDistance(b.utf8, a.utf8, limit: 2) == distance)
        #expect(editDistance("completely".utf8, "different".utf8, limit: 2) == nil)
    }

    @Test func ranksWhatWasMeantFirst() {
        let tracks = [
            song("Bohemian Rhapsody (Karaoke)", artist: "Sing Along"), song("Rhapsody in Blue", artist: "Gershwin"),
            song("Bohemian Rhapsody", artist: "Queen"), song("Bohemian Like You", artist: "The Dandy Warhols"),
        ]
        for query in [
            "bohemian rhapsody", "bohemian rapsody queen", "queen bohemian rhapsody", "bohemian rhap",
            "Bohemain Rhapsody",
        ] {
            #expect(SearchMerge.merge([tracks], query: query, limit: 4).first?.track.artist == "Queen", "\(query)")
        }
        #expect(
            SearchMerge.merge([tracks], query: "bohemian rhapsody karaoke", limit: 4).first?.track.artist
                == "Sing Along")
        #expect(SearchMerge.merge([tracks], query: "rhapsody blue", limit: 4).first?.track.artist == "Gershwin")
    }

    @Test func foldsTheSameRecordingOfTwoSources() {
        let a = song("Hey Jude (Remastered)", 431, artist: "The Beatles", source: "a")
        let b = song("Hey Jude", 429, artist: "The Beatles", source: "b")
        let longer = song("Hey Jude", 500, artist: "The Beatles", source: "b")
        let twice = song("Hey Jude", 431, artist: "The Beatles", source: "a")
        let hits = SearchMerge.merge([[a, twice], [b, longer]], query: "hey jude", limit: 10)
        #expect(hits.count == 3, "another length and another copy of one source stay apart")
        #expect(hits.first?.alternatives.count == 1)
        #expect(SearchMerge.merge([[a, twice], [b, longer]], query: "hey jude", limit: 1).count == 1)
    }

    @Test func hostileTextsAreHarmless() {
        let long = String(repeating: "a\u{301}", count: 100_000)
        let odd = [long, "", "\u{0}", "🎵🎵", String(repeating: "a ", count: 5000), "\u{202E}abc"]
        for text in odd {
            let score = Relevance(query: String(text.prefix(500))).score(song(text, artist: text))
            #expect(score.isFinite)
        }
        #expect(song(long).label.utf16.count <= 100 && song("🎵" + long, artist: long).label.utf16.count <= 100)
    }
}

@Suite("Search service", .timeLimit(.minutes(5)))
struct SearchServiceTests {
    private let time = ManualTime()

    @Test func mergesAllSourcesAndRemembers() async throws {
        let (a, b) = (
            FakeSource("a", tracks: [song("Alpha", source: "a")]), FakeSource("b", tracks: [song("Beta", source: "b")])
        )
        let service = SearchService(sources: [a, b], time: time)
        #expect(try await service.search("  beta ").hits.map(\.track.title) == ["Beta", "Alpha"])
        _ = try await service.search("BETA")
        #expect(await service.suggest("beta").count == 2)
        #expect(a.asked.withLock { $0 } == 1, "same words, same limit: remembered")
        time.advance(by: .seconds(601))
        _ = try await service.search("beta")
        #expect(a.asked.withLock { $0 } == 2)
    }

    @Test func aLateSourceCostsOnlyItsOwnAnswers() async throws {
        let (fast, slow) = (FakeSource("fast", tracks: [song("Alpha", source: "fast")]), FakeSource("slow"))
        slow.gate.shut()
        let service = SearchService(sources: [slow, fast], time: time)
        async let found = service.search("alpha")
        #expect(await eventually { slow.gate.waiting == 1 && fast.asked.withLock { $0 } == 1 && time.sleeping >= 1 })
        time.advance(by: .seconds(8))
        let result = try await found
        #expect(result.hits.map(\.track.title) == ["Alpha"])
        #expect(result.failures["slow"]?.code == .timedOut)
        slow.gate.open()
    }

    @Test func suggestionsAnswerWithinTheirBudget() async throws {
        let (fast, slow) = (FakeSource("fast", tracks: [song("Alpha", source: "fast")]), FakeSource("slow"))
        slow.gate.shut()
        let service = SearchService(sources: [slow, fast], time: time)
        async let found = service.suggest("alpha")
        #expect(await eventually { slow.gate.waiting == 1 && time.sleeping >= 1 })
        time.advance(by: .milliseconds(1500))
        #expect(await found.count == 1)
        slow.gate.open()
        #expect(await service.suggest("https://x.example/1").isEmpty)
        #expect(await service.suggest("").isEmpty)
    }

    @Test func aBrokenSourceIsLeftAloneForAWhile() async throws {
        let (good, bad) = (FakeSource("good", tracks: [song("Alpha", source: "good")]), FakeSource("bad"))
        bad.resolveError.withLock { $0 = PlayerError(.sourceUnavailable, "500") }
        let service = SearchService(sources: [good, bad], time: time)
        for number in 0..<10 { _ = try await service.search("alpha \(number)") }
        #expect(bad.asked.withLock { $0 } == 4)
        bad.resolveError.withLock { $0 = nil }
        time.advance(by: .seconds(11))
        _ = try await service.search("alpha again")
        #expect(bad.asked.withLock { $0 } == 5)
        #expect(await service.breakerStates()["bad"] == .closed(failures: 0))
    }

    /// A source that needs two seconds is too slow while somebody types, and good enough for /play.
    @Test func typingDoesNotDisableASlowSource() async throws {
        let slow = FakeSource("slow", tracks: [song("Alpha", source: "slow")])
        let service = SearchService(sources: [slow], time: time)
        for number in 0..<6 {
            slow.gate.shut()
            async let found = service.suggest("alpha \(number)")
            #expect(await eventually { slow.gate.waiting == 1 && time.sleeping == 1 })
            time.advance(by: .milliseconds(1500))
            #expect(await found.isEmpty)
            slow.gate.open()
        }
        #expect(try await service.search("alpha").hits.count == 1)
        #expect(await service.breakerStates()["slow"] == .closed(failures: 0))
    }

    /// Somebody who types while a source is tried again does not use the try up.
    @Test func typingDoesNotUseUpTheTry() async throws {
        let source = FakeSource("a", tracks: [song("Alpha", source: "a")])
        let service = SearchService(sources: [source], time: time)
        source.resolveError.withLock { $0 = PlayerError(.sourceUnavailable, "500") }
        for number in 0..<4 { _ = try? await service.search("alpha \(number)") }
        source.resolveError.withLock { $0 = nil }
        time.advance(by: .seconds(11))
        source.gate.shut()
        async let found = service.suggest("alpha")
        #expect(await eventually { source.gate.waiting == 1 && time.sleeping == 1 })
        time.advance(by: .milliseconds(1500))
        #expect(await found.isEmpty)
        source.gate.open()
        #expect(try await service.search("alpha").hits.count == 1)
    }

    @Test func linksGoToTheirSourceOnly() async throws {
        let tube = FakeSource(
            "tube", tracks: [song("Z", source: "tube"), song("A", source: "tube")], links: "https://tube.example/")
        let other = FakeSource("other", tracks: [song("X", source: "other")])
        let service = SearchService(sources: [other, tube], time: time)
        let result = try await service.search("<https://tube.example/list?1>")
        #expect(result.isExclusive && result.hits.map(\.track.title) == ["Z", "A"], "in the order of the list")
        #expect(other.asked.withLock { $0 } == 0)
        #expect(await code { _ = try await service.search("https://nowhere.example/") } == .unsupportedLink)
        #expect(await code { _ = try await service.search(" ") } == .invalidArgument)
        #expect(await code { _ = try await service.search(String(repeating: "x", count: 501)) } == .invalidArgument)
    }

    @Test func nothingFoundAndEverythingBrokenAreDifferent() async throws {
        let source = FakeSource("a")
        let service = SearchService(sources: [source], time: time)
        #expect(await code { _ = try await service.search("alpha") } == .notFound)
        source.resolveError.withLock { $0 = PlayerError(.sourceUnavailable, "500") }
        #expect(await code { _ = try await service.search("beta") } == .sourceUnavailable)
        #expect(await code { _ = try await SearchService(time: time).search("beta") } == .notFound)
    }

    @Test func aSourceThatHangsIsNotAskedWithoutBound() async throws {
        var settings = SearchSettings()
        settings.maxInFlight = 2
        let slow = FakeSource("slow")
        slow.gate.shut()
        let service = SearchService(sources: [slow], time: time, settings: settings)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 { group.addTask { _ = await service.suggest("query \(number)") } }
            #expect(await eventually { slow.gate.waiting == 2 && time.sleeping == 2 })
            time.advance(by: .seconds(2))
        }
        #expect(slow.asked.withLock { $0 } == 2)
        slow.gate.open()
    }
}

@Suite("Tokens")
struct TrackTokenTests {
    @Test func mapBackWithinTheirGuildAndTime() {
        var tokens = TrackTokens()
        var random = SplitMix64(seed: 1)
        let token = tokens.issue(song("one"), in: GuildID(1), at: .zero, using: &random)
        #expect(token.utf16.count <= 90 && TrackTokens.isToken(token))
        let again = tokens.issue(song("one"), in: GuildID(1), at: .seconds(5), using: &random)
        #expect(again == token)
        var found = tokens.redeem(token, in: GuildID(1), at: .seconds(60))
        #expect(found?.title == "one")
        found = tokens.redeem(token, in: GuildID(2), at: .seconds(60))
        #expect(found == nil)
        found = tokens.redeem("tb1:guess", in: GuildID(1), at: .seconds(60))
        #expect(found == nil)
        found = tokens.redeem(token, in: GuildID(1), at: .seconds(901))
        #expect(found == nil)
    }

    @Test func areBoundedAndDifferent() {
        var tokens = TrackTokens()
        var random = SystemRandomNumberGenerator()
        var seen: Set<String> = []
        for number in 0..<2000 {
            seen.insert(tokens.issue(song("\(number)"), in: GuildID(1), at: .zero, using: &random))
        }
        #expect(seen.count == 2000)
        var alive: [String] = []
        for token in seen where tokens.redeem(token, in: GuildID(1), at: .seconds(1)) != nil { alive.append(token) }
        #expect(alive.count <= TrackTokens.maxPerGuild && alive.count >= TrackTokens.maxPerGuild * 3 / 4)
    }
}
