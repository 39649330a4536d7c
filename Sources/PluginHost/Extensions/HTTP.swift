import CTimmyBot

/// `timmy.http/1`.
let httpExtension = HostExtension(
    TB_EXT_HTTP, tb_host_http_v1(fetch: hostFetch, stream: hostStream, read: hostRead, close: hostClose))

private typealias RawRequest = UnsafePointer<tb_http_request_v1>?
private typealias HTTPStart =
    @convention(c) (RawHost, RawRequest, tb_http_done?, UnsafeMutableRawPointer?) -> tb_status

/// A C context on its way back to the plugin, with what to call it with.
private struct HTTPCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_http_done

    func finish(_ answer: HTTPPort.Answer) {
        let lent = Lent()
        var raw = tb_http_response_v1()
        switch answer {
        case .failure(let failure):
            raw.error = lent.array([lent.error(failure)])
            withExtendedLifetime(lent) { done(context, &raw) }
        case .success(let (head, body, stream)):
            raw.url = lent.string(head.url)
            raw.headers = lent.array(
                head.headers.map { tb_header_v1(name: lent.string($0.name), value: lent.string($0.value)) })
            raw.header_count = head.headers.count
            raw.stream = stream
            raw.status = UInt32(clamping: head.status)
            body.withUnsafeBufferPointer { bytes in
                raw.body = tb_bytes(ptr: bytes.baseAddress, len: bytes.count)
                withExtendedLifetime(lent) { done(context, &raw) }
            }
        }
    }
}

extension HTTPFetchRequest {
    static let maximumHeaders = 64
    static let maximumBody = 1 << 20
    static let defaultLimit: UInt64 = 4 << 20
    static let maximumFetch: UInt64 = 16 << 20
    static let defaultTimeout = Duration.seconds(15)
    static let maximumTimeout = Duration.seconds(60)

    /// A bounded copy; nil where the request breaks the contract.
    init?(_ raw: tb_http_request_v1, wholeBody: Bool) {
        guard let method = raw.method.copied(limit: 16), let url = raw.url.copied(limit: HTTPURL.maximumLength),
            (0...Self.maximumHeaders).contains(raw.header_count), raw.header_count == 0 || raw.headers != nil,
            let body = raw.body.copied(limit: Self.maximumBody), HTTPURL(url) != nil
        else { return nil }
        self.init(url: url)
        if !method.isEmpty { self.method = method }
        guard Self.methods.contains(self.method) else { return nil }
        for header in UnsafeBufferPointer(start: raw.headers, count: raw.header_count) {
            guard let name = header.name.copied(limit: 256), let value = header.value.copied(limit: 16 << 10) else {
                return nil
            }
            headers.append(HTTPHeader(name, value))
        }
        self.body = body
        limit = raw.limit == 0 ? Self.defaultLimit : wholeBody ? min(raw.limit, Self.maximumFetch) : raw.limit
        followsRedirects = raw.flags & TB_HTTP_NO_REDIRECT == 0
        let timeout = raw.timeout_ms == 0 ? Self.defaultTimeout : .milliseconds(raw.timeout_ms)
        headTimeout = min(timeout, Self.maximumTimeout)
        if wholeBody { totalTimeout = headTimeout }
    }
}

private func start(
    _ host: RawHost, _ request: RawRequest, _ done: tb_http_done?, _ context: UnsafeMutableRawPointer?, asStream: Bool
) -> tb_status {
    guard let plugin = instance(host), let raw = request?.pointee, let done,
        let request = HTTPFetchRequest(raw, wholeBody: !asStream)
    else { return TB_E_INVALID }
    let completion = HTTPCompletion(context: context, done: done)
    let accounts = plugin.ports.accounts
    var authorization: HTTPPort.Authorization?
    if raw.account != 0 {
        guard let holder = accounts.holder(raw.account) else { return TB_E_AUTH }
        authorization = { () throws(PluginFailure) in try await accounts.authorization(holder) }
    }
    return plugin.ports.http.start(request, asStream: asStream, authorization: authorization) { completion.finish($0) }
}

private let hostFetch: HTTPStart = { start($0, $1, $2, $3, asStream: false) }
private let hostStream: HTTPStart = { start($0, $1, $2, $3, asStream: true) }

private let hostRead: @convention(c) (RawHost, UInt64, UnsafeMutablePointer<UInt8>?, Int) -> Int64 = {
    host, stream, buffer, capacity in
    guard let plugin = instance(host), let buffer, capacity > 0 else { return Int64(TB_E_INVALID) }
    return plugin.ports.http.read(stream, buffer, capacity: capacity)
}

private let hostClose: @convention(c) (RawHost, UInt64) -> Void = { host, stream in
    instance(host)?.ports.http.close(stream)
}
