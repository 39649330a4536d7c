import CTimmyBot
import Glibc

@testable import TimmyKit

/// The host's tables, made once.
///
/// `@unchecked Sendable` proof of `all`: written once, and only read afterwards.
enum FakeTables {
    nonisolated(unsafe) static let all: [String: UnsafeRawPointer] = [
        TB_EXT_LOG: fixed(log), TB_EXT_TASK: fixed(task), TB_EXT_REPLY: fixed(reply),
        TB_EXT_SOURCE_HOST: fixed(source), TB_EXT_LYRICS_HOST: fixed(lyrics), TB_EXT_HEALTH_HOST: fixed(health),
        TB_EXT_STORE: fixed(store), TB_EXT_SETTINGS: fixed(settings), TB_EXT_CLOCK: fixed(clock),
        TB_EXT_HTTP: fixed(http), TB_EXT_ACCOUNT: fixed(account), TB_EXT_PIPE: fixed(pipe),
        TB_EXT_METRICS: fixed(metrics), TB_EXT_SEARCH: fixed(search), TB_EXT_HISTORY: fixed(history),
        TB_EXT_PLAYER: fixed(player), TB_EXT_PROBE: fixed(probe),
    ]

    static func fixed<Table>(_ table: Table) -> UnsafeRawPointer {
        let pointer = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        pointer.initialize(to: table)
        return UnsafeRawPointer(pointer)
    }

    static let log = tb_host_log_v1(log: { host, level, text in
        let line = "\(level) \(text.string)"
        FakeHost.of(host).state.withLock { $0.log.append(line) }
    })

    static let task = tb_host_task_v1(
        fail: { host, task, error in FakeHost.of(host).settle(task, .failed(Failure(error!.pointee))) },
        progress: { host, _, note in
            let note = note.string
            FakeHost.of(host).state.withLock { $0.progress.append(note) }
            return TB_OK
        },
        is_cancelled: { _, _ in false })

    private static func components(_ message: tb_message_v1) -> JSON {
        // A message that is not JSON fails the test that looks at it.
        (try? JSON(parsing: message.components_json.string)) ?? .null
    }

    static let reply = tb_host_reply_v1(
        defer: { host, task, flags in
            FakeHost.of(host).state.withLock { $0.deferred[task] = flags }
            return TB_OK
        },
        send: { host, task, message in
            let message = message!.pointee
            let names = (0..<message.attachment_count).map { index in
                let file = message.attachments[index]
                return "\(file.name.string) \(file.mime.string) \(file.bytes.len)"
            }
            return FakeHost.of(host).settle(
                task, .sent(components(message), flags: message.flags, attachments: names))
        },
        modal: { host, task, json in
            FakeHost.of(host).settle(task, .modal((try? JSON(parsing: json.string)) ?? .null))
        },
        edit: { host, _, message in
            let json = components(message!.pointee)
            FakeHost.of(host).state.withLock { $0.edits.append(json) }
            return TB_OK
        },
        follow_up: { host, _, message in
            let json = components(message!.pointee)
            FakeHost.of(host).state.withLock { $0.followUps.append(json) }
            return TB_OK
        },
        choices: { host, task, choices, count in
            let list = (0..<count).map { Choice(choices![$0].name.string, choices![$0].value.string) }
            return FakeHost.of(host).settle(task, .choices(list))
        })

    static let source = tb_host_source_v1(
        resolved: { host, task, tracks, count in
            FakeHost.of(host).settle(task, .resolved((0..<count).map { Track(tracks![$0]) }))
        },
        opened: { host, task, media in
            let raw = media!.pointee
            let copy = FakeMedia(
                kind: raw.kind, flags: raw.flags, url: raw.url.string, type: raw.mime.string,
                headers: (0..<raw.header_count).map {
                    Header(raw.headers[$0].name.string, raw.headers[$0].value.string)
                },
                byteLength: raw.byte_length, handle: raw.handle,
                reader: raw.reader.read == nil ? nil : FakeReader(raw.reader))
            return FakeHost.of(host).settle(task, .opened(copy))
        },
        artwork: { host, task, type, bytes, count in
            FakeHost.of(host).settle(task, .artwork(type.string, tb_bytes(ptr: bytes, len: count).array))
        })

    static let lyrics = tb_host_lyrics_v1(found: { host, task, found in
        let found = found!.pointee
        let lines = (0..<found.count).map { index in
            let line = found.lines[index]
            return Lyrics.Line(line.text.string, milliseconds: line.at_ms < 0 ? nil : line.at_ms)
        }
        return FakeHost.of(host).settle(task, .lyrics(lines, credit: found.credit.string))
    })

    static let health = tb_host_health_v1(healthy: { host, task, note in
        FakeHost.of(host).settle(task, .healthy(note.string))
    })

    static let metrics = tb_host_metrics_v1(
        count: { host, name, value in FakeTables.metric(host, "count", name, value) },
        gauge: { host, name, value in FakeTables.metric(host, "gauge", name, value) },
        observe: { host, name, value in FakeTables.metric(host, "observe", name, value) })

    private static func metric(_ host: UnsafePointer<tb_host_v1>?, _ kind: String, _ name: tb_str, _ value: Double) {
        let line = "\(kind) \(name.string) \(value)"
        FakeHost.of(host).state.withLock { $0.metrics.append(line) }
    }

    static let pipe = tb_host_pipe_v1(
        create: { host, kind, capacity, out in
            FakeHost.of(host).state.withLock { $0.pipeCapacity = Int(capacity) }
            out!.pointee = 77
            return capacity < 4_096 ? TB_E_INVALID : TB_OK
        },
        write: { host, _, bytes, count in
            let copy = tb_bytes(ptr: bytes, len: count).array
            return FakeHost.of(host).state.withLock { state in
                guard state.pipeFinished.isEmpty else { return Int64(TB_E_STALE) }
                guard state.pipe.count + count <= state.pipeCapacity else { return 0 }
                state.pipe += copy
                return Int64(count)
            }
        },
        finish: { host, _, status in FakeHost.of(host).state.withLock { $0.pipeFinished.append(status) } })

    /// Takes over the descriptor, unless the test says that it is too busy.
    static let probe = tb_host_probe_v1(probe: { host, descriptor, done, context in
        let fake = FakeHost.of(host), context = Context(raw: context)
        guard fake.state.withLock({ $0.probes }) else { return TB_E_RATE_LIMIT }
        fake.complete {
            close(descriptor)
            let lender = Lender()
            var result = tb_probe_result_v1()
            result.duration_ms = 1_500
            result.title = lender.lend("Song")
            result.artwork = lender.lend([1, 2, 3])
            result.artwork_count = 3
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    })
}
