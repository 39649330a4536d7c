import CTimmyBot

@testable import TimmyKit

/// Player, search and history of the fake host; what is asked for is written down.
extension FakeTables {
    private static func note(_ host: UnsafePointer<tb_host_v1>?, _ line: String) -> FakeHost {
        let fake = FakeHost.of(host)
        fake.state.withLock { $0.played.append(line) }
        return fake
    }

    static let search = tb_host_search_v1(search: { host, call, query, limit, done, context in
        let query = query.string, context = Context(raw: context)
        FakeTables.note(host, "search \(query) \(limit) \(call!.pointee.guild)").complete {
            let lender = Lender()
            let tracks = [Track(key: "token-1", title: query, artist: "A", durationMilliseconds: 1_000)]
            var result = tb_search_result_v1(
                error: nil, tracks: lender.lend(tracks.map { $0.raw(lender) }),
                sources: lender.lend([lender.lend("test.other")]), count: 1)
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    })

    static let history = tb_host_history_v1(recent: { host, call, limit, done, context in
        let context = Context(raw: context)
        FakeTables.note(host, "history \(limit) \(call!.pointee.guild)").complete {
            let lender = Lender()
            let track = Track(key: "token-2", title: "Old", artist: "B", durationMilliseconds: 5)
            var result = tb_history_result_v1(
                error: nil,
                played: lender.lend([
                    tb_played_v1(
                        track: track.raw(lender), source: lender.lend("test.other"), requested_by: 9, played_at_ms: 0)
                ]), count: 1)
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    })

    static let player = tb_host_player_v1(
        play: { host, _, query, mode, done, context in
            FakeTables.played(host, "play \(query.string) \(mode)", done, context)
        },
        control: { host, _, action, a, b, done, context in
            FakeTables.played(host, "control \(action) \(a) \(b)", done, context)
        },
        set_filter: { host, _, name, done, context in FakeTables.played(host, "filter \(name.string)", done, context) },
        snapshot: { host, _, first, count, done, context in
            FakeTables.played(host, "snapshot \(first) \(count)", done, context)
        })

    private static func played(
        _ host: UnsafePointer<tb_host_v1>?, _ line: String, _ done: tb_player_done?,
        _ context: UnsafeMutableRawPointer?
    ) -> tb_status {
        let context = Context(raw: context)
        note(host, line).complete {
            let lender = Lender()
            let tracks = [Track(key: "k", title: "T", artist: "A", durationMilliseconds: 9)].map { $0.raw(lender) }
            var state = tb_player_state_v1()
            state.playing = 1
            state.volume = 80
            state.loop = 2
            state.current = tracks[0]
            state.queue = lender.lend(tracks)
            state.queue_page_count = 1
            state.queue_length = 12
            var result = tb_player_result_v1(
                error: nil, state: lender.table(state), tracks: lender.lend(tracks), track_count: 1, place: 3, flags: 0)
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    }
}
