import CTimmyBot

/// `timmy.metrics/1`.
let metricsExtension = HostExtension(
    TB_EXT_METRICS, tb_host_metrics_v1(count: hostCount, gauge: hostGauge, observe: hostObserve))

private func record(_ host: RawHost, _ name: tb_str, _ value: Double, _ kind: PluginMetric.Kind) {
    guard let plugin = instance(host) else { return }
    let complaint = plugin.services.metrics.record(
        name.copied(limit: PluginMetrics.maximumName) ?? "", value, kind, of: plugin.id)
    if let complaint { plugin.log(TB_LOG_WARNING, complaint) }
}

private let hostCount: @convention(c) (RawHost, tb_str, Double) -> Void = { record($0, $1, $2, .counter) }
private let hostGauge: @convention(c) (RawHost, tb_str, Double) -> Void = { record($0, $1, $2, .gauge) }
private let hostObserve: @convention(c) (RawHost, tb_str, Double) -> Void = { record($0, $1, $2, .distribution) }
