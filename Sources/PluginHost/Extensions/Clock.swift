import CTimmyBot

/// `timmy.clock/1`.
let clockExtension = HostExtension(
    TB_EXT_CLOCK,
    tb_host_clock_v1(
        unix_ms: hostUnix, monotonic_ms: hostMonotonic, timer: hostTimer, cancel: hostTimerCancel))

/// A C function and its context, on their way to the lane.
private struct TimerCall: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let fire: tb_timer_fn

    func run() { fire(context) }
}

private let hostUnix: @convention(c) (RawHost) -> Int64 = {
    instance($0)?.services.time.unixMilliseconds() ?? 0
}
private let hostMonotonic: @convention(c) (RawHost) -> UInt64 = {
    instance($0)?.services.time.monotonicMilliseconds() ?? 0
}
private let hostTimer:
    @convention(c) (RawHost, UInt64, tb_timer_fn?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>?) -> tb_status =
        { host, delay, fire, context, out in
            guard let plugin = instance(host), let fire, let out else { return TB_E_INVALID }
            let call = TimerCall(context: context, fire: fire)
            let (status, timer) = plugin.ports.timers.start(after: delay) { call.run() }
            out.pointee = timer
            return status
        }
private let hostTimerCancel: @convention(c) (RawHost, UInt64) -> tb_status = { host, timer in
    instance(host)?.ports.timers.cancel(timer) ?? TB_E_INVALID
}
