import CTimmyBot
import Glibc
import Synchronization

@testable import TimmyKit

struct FakeRequest: Sendable, Equatable {
    var method, url: String
    var headers: [Header]
    var body: [UInt8]
    var limit, account: UInt64
    var timeout, flags: UInt32
}

/// A body that arrives in pieces; without pieces left, and not at its end, reading blocks until it is closed.
final class FakeStream: Sendable {
    private let pieces: Mutex<[[UInt8]]>
    private let endless: Bool
    private let closed = Gate()

    init(_ pieces: [[UInt8]], endless: Bool = false) {
        self.pieces = Mutex(pieces)
        self.endless = endless
    }

    func read(_ buffer: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int64 {
        let piece = pieces.withLock { pieces -> [UInt8]? in
            guard var first = pieces.first else { return nil }
            let part = Array(first.prefix(capacity))
            first.removeFirst(part.count)
            if first.isEmpty { pieces.removeFirst() } else { pieces[0] = first }
            return part
        }
        guard let piece else {
            guard endless else { return 0 }
            closed.wait()
            return Int64(TB_E_CANCELLED)
        }
        memcpy(buffer, piece, piece.count)
        return Int64(piece.count)
    }

    func close() { closed.open() }
}

extension FakeTables {
    static let store = tb_host_store_v1(
        get: { host, key, done, context in
            let key = key.string
            return FakeTables.stored(host, done, context) { $0[key].map { .value($0) } ?? .nothing }
        },
        set: { host, key, value, done, context in
            let key = key.string, value = value.array
            return FakeTables.stored(host, done, context) { store in
                if value.count > 64 << 10 { return .failure(Failure(code: .rateLimit, detail: "quota")) }
                store[key] = value
                return .nothing
            }
        },
        remove: { host, key, done, context in
            let key = key.string
            return FakeTables.stored(host, done, context) { store in
                store.removeValue(forKey: key).map { .value($0) } ?? .nothing
            }
        },
        keys: { host, prefix, done, context in
            let prefix = prefix.string
            return FakeTables.stored(host, done, context) { store in
                .keys(store.keys.filter { $0.hasPrefix(prefix) }.sorted())
            }
        })

    private enum Stored: Sendable {
        case value([UInt8]), keys([String]), nothing, failure(Failure)
    }

    private static func stored(
        _ host: UnsafePointer<tb_host_v1>?, _ done: tb_store_done?, _ context: UnsafeMutableRawPointer?,
        _ body: (inout [String: [UInt8]]) -> Stored
    ) -> tb_status {
        let fake = FakeHost.of(host), context = Context(raw: context)
        let answer = fake.state.withLock { body(&$0.store) }
        fake.complete {
            let lender = Lender()
            var result = tb_store_result_v1()
            switch answer {
            case .value(let bytes):
                result.value = lender.bytes(bytes)
                result.found = 1
            case .keys(let keys):
                result.keys = lender.lend(keys.map { lender.lend($0) })
                result.key_count = keys.count
            case .nothing: break
            case .failure(let failure): result.error = lender.table(lender.error(failure))
            }
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    }

    static let settings = tb_host_settings_v1(
        all: { host, guild, done, context in FakeTables.answer(host, guild, done, context) },
        set: { host, guild, key, value, done, context in
            let key = key.string, value = value.string
            FakeHost.of(host).state.withLock { $0.settings[guild, default: [:]][key] = value.isEmpty ? nil : value }
            return FakeTables.answer(host, guild, done, context)
        })

    private static func answer(
        _ host: UnsafePointer<tb_host_v1>?, _ guild: UInt64, _ done: tb_settings_done?,
        _ context: UnsafeMutableRawPointer?
    ) -> tb_status {
        let fake = FakeHost.of(host), context = Context(raw: context)
        let all = fake.state.withLock { $0.settings[guild] ?? [:] }
        fake.complete {
            let lender = Lender()
            let raw = all.sorted { $0.key < $1.key }.map {
                tb_setting_v1(key: lender.lend($0.key), value: lender.lend($0.value))
            }
            var result = tb_settings_result_v1(error: nil, settings: lender.lend(raw), count: raw.count)
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    }

    static let clock = tb_host_clock_v1(
        unix_ms: { host in 1_700_000_000_000 + Int64(FakeHost.of(host).state.withLock { $0.now }) },
        monotonic_ms: { host in FakeHost.of(host).state.withLock { $0.now } },
        timer: { host, delay, fire, context, out in
            let context = Context(raw: context)
            return FakeHost.of(host).state.withLock { state in
                guard state.timers.count < 64, delay <= 86_400_000 else { return TB_E_RATE_LIMIT }
                let number = state.nextTimer
                state.nextTimer += 1
                state.timers[number] = (state.now + delay, { fire?(context.raw) })
                out?.pointee = number
                return TB_OK
            }
        },
        cancel: { host, timer in
            FakeHost.of(host).state.withLock { $0.timers.removeValue(forKey: timer) == nil ? TB_E_STALE : TB_OK }
        })

    static let http = tb_host_http_v1(
        fetch: { host, request, done, context in FakeTables.request(host, request!.pointee, done, context) },
        stream: { host, request, done, context in FakeTables.request(host, request!.pointee, done, context) },
        read: { host, number, buffer, capacity in
            let stream = FakeHost.of(host).state.withLock { $0.streams[number] }
            return stream?.read(buffer!, capacity) ?? Int64(TB_E_STALE)
        },
        close: { host, number in
            let stream = FakeHost.of(host).state.withLock { state in
                state.closedStreams.append(number)
                return state.streams[number]
            }
            stream?.close()
        })

    /// 404 for addresses with "missing", a failure for those with "down"; otherwise the address is the body.
    private static func request(
        _ host: UnsafePointer<tb_host_v1>?, _ raw: tb_http_request_v1, _ done: tb_http_done?,
        _ context: UnsafeMutableRawPointer?
    ) -> tb_status {
        let fake = FakeHost.of(host), context = Context(raw: context)
        let request = FakeRequest(
            method: raw.method.string, url: raw.url.string,
            headers: (0..<raw.header_count).map { Header(raw.headers[$0].name.string, raw.headers[$0].value.string) },
            body: raw.body.array, limit: raw.limit, account: raw.account, timeout: raw.timeout_ms, flags: raw.flags)
        fake.state.withLock { $0.requests.append(request) }
        guard request.url.hasPrefix("https://") else { return TB_E_INVALID }
        fake.complete {
            let lender = Lender()
            var response = tb_http_response_v1()
            if request.url.contains("down") {
                response.error = lender.table(lender.error(Failure(code: .io, detail: "connection refused")))
            }
            response.url = lender.lend(request.url)
            response.headers = lender.headers([Header("content-type", "audio/mpeg"), Header("retry-after", "7")])
            response.header_count = 2
            response.status = request.url.contains("missing") ? 404 : 200
            response.body = lender.bytes(Array(request.url.utf8))
            response.stream = 5
            withExtendedLifetime(lender) { done?(context.raw, &response) }
        }
        return TB_OK
    }

    static let account = tb_host_account_v1(account: { host, flow, user, done, context in
        let flow = flow.string, context = Context(raw: context)
        FakeHost.of(host).complete {
            let lender = Lender()
            var result = tb_account_result_v1()
            if user == 404 {
                result.error = lender.table(lender.error(Failure(code: .auth, userText: "Link it with /link.")))
            }
            result.account = user + 1_000
            result.scopes = lender.lend("read \(flow)")
            withExtendedLifetime(lender) { done?(context.raw, &result) }
        }
        return TB_OK
    })
}
