import Synchronization

/// One number of a plugin, as it stands.
public struct PluginMetric: Sendable, Equatable {
    public enum Kind: Sendable, Equatable { case counter, gauge, distribution }

    public let plugin, name: String
    public let kind: Kind
    /// Of a counter its sum, of a gauge its value, of a distribution the sum of all observations.
    public internal(set) var value: Double
    /// Of a distribution: how many observations, and the least and the greatest.
    public internal(set) var count: UInt64 = 0
    public internal(set) var least, greatest: Double
}

/// What plugins count and measure. Bounded by plugin.
public final class PluginMetrics: Sendable {
    static let maximumName = 48
    static let maximumNames = 64

    fileprivate struct State {
        var metrics: [String: [String: PluginMetric]] = [:]
        /// Complaints are logged once each.
        var complained: Set<String> = []
    }

    private let state = Mutex(State())

    public init() {}

    /// All numbers of all plugins, sorted by plugin and name.
    public var all: [PluginMetric] {
        state.withLock { $0.metrics.values.flatMap(\.values) }.sorted { ($0.plugin, $0.name) < ($1.plugin, $1.name) }
    }

    /// - Returns: why the number was dropped, the first time for each plugin and reason.
    func record(_ name: String, _ value: Double, _ kind: PluginMetric.Kind, of plugin: String) -> String? {
        state.withLock { state in
            guard let complaint = state.take(name, value, kind, plugin) else { return nil }
            return state.complained.insert("\(plugin) \(complaint)").inserted ? complaint : nil
        }
    }
}

extension PluginMetrics.State {
    /// Texts of complaints do not depend on what the plugin says, so that there are few of them.
    fileprivate mutating func take(_ name: String, _ value: Double, _ kind: PluginMetric.Kind, _ plugin: String)
        -> String?
    {
        let legal = name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard (1...PluginMetrics.maximumName).contains(name.utf8.count), legal else {
            return "a metric's name may only have 1 to \(PluginMetrics.maximumName) of a-z, 0-9 and _"
        }
        guard value.isFinite, kind != .counter || value >= 0 else { return "a metric's value is none" }
        guard var metric = metrics[plugin]?[name] else {
            guard metrics[plugin]?.count ?? 0 < PluginMetrics.maximumNames else {
                return "more than \(PluginMetrics.maximumNames) metrics: later ones are dropped"
            }
            metrics[plugin, default: [:]][name] = PluginMetric(
                plugin: plugin, name: name, kind: kind, value: value, count: kind == .distribution ? 1 : 0,
                least: value, greatest: value)
            return nil
        }
        guard metric.kind == kind else { return "a metric is of two kinds" }
        metric.add(value)
        metrics[plugin]?[name] = metric
        return nil
    }
}

extension PluginMetric {
    fileprivate mutating func add(_ new: Double) {
        value = kind == .gauge ? new : value + new
        least = min(least, new)
        greatest = max(greatest, new)
        if kind == .distribution { count += 1 }
    }
}
