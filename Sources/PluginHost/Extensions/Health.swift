import CTimmyBot

/// `timmy.health.host/1`.
let healthExtension = HostExtension(TB_EXT_HEALTH_HOST, tb_host_health_v1(healthy: hostHealthy))

private let hostHealthy: @convention(c) (RawHost, tb_task, tb_str) -> tb_status = { host, task, note in
    guard let plugin = instance(host), let note = note.copied(limit: 200) else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .healthy(note: note), owner: plugin.id)
}
