import CTimmyBot

/// `timmy.task/1`.
let taskExtension = HostExtension(
    TB_EXT_TASK, tb_host_task_v1(fail: hostFail, progress: hostProgress, is_cancelled: hostIsCancelled))

private let hostFail: @convention(c) (RawHost, tb_task, UnsafePointer<tb_error_v1>?) -> tb_status = {
    host, task, error in
    guard let plugin = instance(host), let error else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .failed(PluginFailure(error.pointee)), owner: plugin.id)
}
private let hostIsCancelled: @convention(c) (RawHost, tb_task) -> Bool = { host, task in
    !(instance(host)?.tasks.isOpen(task) ?? false)
}
private let hostProgress: @convention(c) (RawHost, tb_task, tb_str) -> tb_status = { host, task, note in
    guard let plugin = instance(host), let note = note.copied(limit: 200) else { return TB_E_INVALID }
    return plugin.tasks.update(task, .progress(note), owner: plugin.id)
}
