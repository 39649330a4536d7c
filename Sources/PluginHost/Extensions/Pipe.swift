import CTimmyBot

/// `timmy.pipe/1`.
let pipeExtension = HostExtension(
    TB_EXT_PIPE, tb_host_pipe_v1(create: hostCreate, write: hostWrite, finish: hostFinish))

private let hostCreate: @convention(c) (RawHost, UInt32, UInt64, UnsafeMutablePointer<UInt64>?) -> tb_status = {
    host, kind, capacity, out in
    // The kinds have the numbers of the readers' kinds.
    guard let plugin = instance(host), let out, let kind = PluginSoundKind(kind),
        PluginPipe.capacities.contains(capacity)
    else { return TB_E_INVALID }
    switch plugin.ports.pipes.create(kind, capacity: capacity) {
    case .success(let number):
        out.pointee = number
        return TB_OK
    case .failure(let failure): return failure.code
    }
}

private let hostWrite: @convention(c) (RawHost, UInt64, UnsafePointer<UInt8>?, Int) -> Int64 = {
    host, pipe, bytes, count in
    guard let plugin = instance(host), count >= 0, bytes != nil || count == 0 else { return Int64(TB_E_INVALID) }
    guard let pipe = plugin.ports.pipes.pipe(pipe) else { return Int64(TB_E_STALE) }
    return pipe.write(UnsafeRawBufferPointer(start: bytes, count: count))
}

private let hostFinish: @convention(c) (RawHost, UInt64, tb_status) -> Void = { host, pipe, status in
    instance(host)?.ports.pipes.finish(pipe, status)
}
