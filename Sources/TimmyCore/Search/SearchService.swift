public struct SearchSettings: Sendable, Hashable {
    /// How long one source may take when somebody waits for a reply that was deferred.
    public var sourceDeadline: Duration = .seconds(8)
    /// How long one source may take to expand a link, which may be a long playlist.
    public var linkDeadline: Duration = .seconds(20)
    /// How long all of them together may take while somebody types; Discord allows 3 s.
    public var suggestDeadline: Duration = .milliseconds(1500)
    /// Tracks that a link may bring at once.
    public var linkLimit = 1000
    /// Longest input that is passed on.
    public var maxQueryLength = 500
    /// A `match` from here on keeps all other sources out.
    public var exclusiveMatch = 100
    public var cacheCapacity = 512
    public var cacheLifetime: Duration = .seconds(120)
    /// Calls that one source may have under way, late ones included.
    public var maxInFlight = 64

    public init() {}
}

/// Asks the sources. Each has its own deadline and breaker, so a slow or broken one costs only its own answers.
public actor SearchService: SourceDirectory {
    private struct CacheKey: Hashable {
        let query: String
        let limit: Int
    }

    public let settings: SearchSettings
    let time: any TimeSource
    private var sources: [any SourcePort]
    private var breakers: [String: Breaker] = [:]
    private var inFlight: [String: Int] = [:]
    private var cache: ExpiringCache<CacheKey, SearchResult>

    /// - Parameter sources: the order breaks ties.
    public init(
        sources: [any SourcePort] = [], time: any TimeSource = SystemTime(), settings: SearchSettings = SearchSettings()
    ) {
        self.sources = sources
        self.time = time
        self.settings = settings
        cache = ExpiringCache(capacity: settings.cacheCapacity, lifetime: settings.cacheLifetime)
    }

    /// Sources came or went.
    public func setSources(_ sources: [any SourcePort]) {
        self.sources = sources
        breakers = breakers.filter { id, _ in sources.contains { $0.id == id } }
        cache.removeAll()
    }

    public func source(_ id: String) -> (any SourcePort)? { sources.first { $0.id == id } }

    public func breakerStates() -> [String: Breaker.State] { breakers.mapValues(\.state) }

    /// What a link stands for, or the best tracks for words. Partial when a source is late or fails.
    /// - Throws: when nothing was found, or when every source that was asked failed.
    public func search(_ input: String, limit: Int = 10) async throws(PlayerError) -> SearchResult {
        let query = try cleaned(input)
        let isLink = Self.isLink(query)
        let result = try await ask(
            query, limit: min(max(1, limit), 100), isLink: isLink,
            deadline: isLink ? settings.linkDeadline : settings.sourceDeadline)
        guard result.hits.isEmpty else { return result }
        // "Not found" is an answer; only trouble counts as failing.
        if let (_, error) = result.failures.min(by: { $0.key < $1.key }) {
            throw result.failures.count == 1 && error.userMessage != nil ? error : .sourcesFailed(result.failures)
        }
        throw .notFound(query)
    }

    /// Tracks for what somebody has typed so far, within the suggestion budget; empty when there is nothing to offer.
    public func suggest(_ input: String, limit: Int = 10) async -> [SearchHit] {
        guard let query = try? cleaned(input), !Self.isLink(query) else { return [] }
        let result = try? await ask(
            query, limit: min(max(1, limit), 25), isLink: false, deadline: settings.suggestDeadline, isHurried: true)
        return result?.hits ?? []
    }
}

extension SearchService {
    private func cleaned(_ input: String) throws(PlayerError) -> String {
        var query = input[...]
        while let first = query.first, first.isWhitespace { query.removeFirst() }
        while let last = query.last, last.isWhitespace { query.removeLast() }
        // Discord users wrap links in <> to keep previews away.
        if query.hasPrefix("<"), query.hasSuffix(">"), query.contains("://") { query = query.dropFirst().dropLast() }
        guard !query.isEmpty else { throw .invalid("Tell me what to play: a name or a link.") }
        guard query.utf8.count <= settings.maxQueryLength * 4, query.count <= settings.maxQueryLength else {
            throw .invalid("That is too long: at most \(settings.maxQueryLength) characters, please.")
        }
        return String(query)
    }

    static func isLink(_ query: String) -> Bool {
        guard let colon = query.firstIndex(of: ":"), query[colon...].hasPrefix("://") else { return false }
        let scheme = query[..<colon]
        return !scheme.isEmpty && scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }

    /// Who is to be asked: one source for links and for what is surely its own, else all that may know something.
    private func candidates(_ query: String, isLink: Bool) async -> (ports: [any SourcePort], isExclusive: Bool) {
        var matches: [(port: any SourcePort, match: Int)] = []
        for port in sources {
            let match = await port.match(query)
            if match > 0 { matches.append((port, match)) }
        }
        // The first of the best: `max(by:)` alone would take the last.
        let best = matches.reduce(into: (port: any SourcePort, match: Int)?.none) { best, other in
            if other.match > best?.match ?? 0 { best = other }
        }
        guard let best else { return ([], isLink) }
        if isLink || best.match >= settings.exclusiveMatch { return ([best.port], true) }
        return (matches.map(\.port), false)
    }

    private func ask(
        _ query: String, limit: Int, isLink: Bool, deadline: Duration, isHurried: Bool = false
    ) async throws(PlayerError) -> SearchResult {
        let (ports, isExclusive) = await candidates(query, isLink: isLink)
        if ports.isEmpty, isLink { throw .unsupportedLink }
        let key = CacheKey(query: TextFolding.words(query).joined(separator: " "), limit: limit)
        // Links are not remembered: what is behind them changes, and their words do not say which they are.
        if !isExclusive, let known = cache.value(for: key, at: time.now()) { return known }
        let wanted = isExclusive ? settings.linkLimit : limit
        let answers = await askAll(ports, query, wanted, deadline, isHurried: isHurried)
        var result = SearchResult(isExclusive: isExclusive)
        var found: [[Track]] = []
        for (id, answer) in answers {
            switch answer {
            case .success(let tracks): found.append(Array(tracks.prefix(wanted)))
            case .failure(let error) where error.code == .notFound: break
            case .failure(let error): result.failures[id] = error
            }
        }
        if isExclusive {
            result.hits = found.joined().map { SearchHit(track: $0, score: 1) }
        } else {
            result.hits = await Self.merge(found, query, limit)
            // Nothing is not remembered: what was missing may be there at the next try.
            if result.failures.isEmpty, !result.hits.isEmpty { cache.insert(result, for: key, at: time.now()) }
        }
        return result
    }

    /// Beside the actor: ranking takes milliseconds, and other guilds must not wait for it.
    @concurrent
    private static func merge(_ found: [[Track]], _ query: String, _ limit: Int) async -> [SearchHit] {
        SearchMerge.merge(found, query: query, limit: limit)
    }

    private func askAll(
        _ ports: [any SourcePort], _ query: String, _ limit: Int, _ deadline: Duration, isHurried: Bool
    ) async -> [(String, Result<[Track], PlayerError>)] {
        await withTaskGroup(of: (Int, Result<[Track], PlayerError>).self) { group in
            for (index, port) in ports.enumerated() {
                group.addTask { (index, await self.ask(port, query, limit, deadline, isHurried: isHurried)) }
            }
            var answers: [Int: Result<[Track], PlayerError>] = [:]
            for await (index, answer) in group { answers[index] = answer }
            return ports.indices.compactMap { index in answers[index].map { (ports[index].id, $0) } }
        }
    }

    /// - Parameter isHurried: the deadline is that of somebody who types, and says little about the source.
    private func ask(
        _ port: any SourcePort, _ query: String, _ limit: Int, _ deadline: Duration, isHurried: Bool
    ) async -> Result<[Track], PlayerError> {
        let id = port.id
        guard breakers[id, default: Breaker()].allow(at: time.now()) else { return .failure(.restingSource(id)) }
        guard inFlight[id, default: 0] < settings.maxInFlight else { return .failure(.restingSource(id)) }
        inFlight[id, default: 0] += 1
        let answer = await withDeadline(deadline, time) { () throws(PlayerError) -> [Track] in
            let result: Result<[Track], PlayerError>
            do throws(PlayerError) { result = .success(try await port.resolve(query, limit: limit)) } catch {
                result = .failure(error)
            }
            await self.returned(id)
            return try result.get()
        } late: { tracks in
            if isHurried { await self.judge(id, .success(tracks), isHurried: true) }
        }
        judge(id, answer, isHurried: isHurried)
        return answer
    }

    private func returned(_ id: String) { inFlight[id, default: 1] -= 1 }

    /// Only trouble of the source itself counts against it, not an unlucky query or a user who went away.
    private func judge(_ id: String, _ answer: Result<[Track], PlayerError>, isHurried: Bool) {
        var breaker = breakers[id, default: Breaker()]
        switch answer {
        case .success: breaker.succeeded()
        case .failure(let error):
            switch error.code {
            case .cancelled: breaker.unknown(at: time.now())
            // A source that is too slow for typing may be quick enough for /play.
            case .timedOut where isHurried: breaker.unknown(at: time.now())
            case .notFound, .trackUnavailable, .unsupportedLink, .invalidArgument: breaker.succeeded()
            default: breaker.failed(at: time.now())
            }
        }
        breakers[id] = breaker
    }
}

extension PlayerError {
    static let unsupportedLink = PlayerError(
        .unsupportedLink, "no source takes this link", user: "I can't play links from there.", retry: .never)

    static func restingSource(_ id: String) -> PlayerError {
        PlayerError(
            .sourceUnavailable, "source \(id) is left alone after failures",
            user: "That music source has trouble right now.",
            retry: .after(.seconds(10)))
    }

    static func sourcesFailed(_ failures: [String: PlayerError]) -> PlayerError {
        let list = failures.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
        return PlayerError(
            .sourceUnavailable, "every source failed: \(list)",
            user: "I could not search right now. Please try again in a moment.", retry: .after(.seconds(5)))
    }
}
