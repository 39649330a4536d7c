import CTimmyBot

/// `timmy.log/1`.
let logExtension = HostExtension(TB_EXT_LOG, tb_host_log_v1(log: hostLog))

private let hostLog: @convention(c) (RawHost, Int32, tb_str) -> Void = { host, level, message in
    instance(host)?.log(level, message.cut(after: 4_096) ?? "(a message that is not text)")
}
