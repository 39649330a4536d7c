import CTimmyBot

/// `timmy.settings/1`.
let settingsExtension = HostExtension(
    TB_EXT_SETTINGS, tb_host_settings_v1(all: hostSettings, set: hostSet))

/// One setting of a server.
public struct PluginSetting: Sendable, Equatable {
    public let key, value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// Keeps what servers have set for plugins. Calls of one thread take effect in their order; `done` is called exactly
/// once, from any thread, with all that is set then, sorted by key.
public protocol SettingsService: Sendable {
    typealias Done = @Sendable (Result<[PluginSetting], PluginFailure>) -> Void

    func settings(of plugin: String, guild: UInt64, done: @escaping Done)
    /// On the disk before `done`. An empty value takes the setting away.
    func set(_ setting: PluginSetting, of plugin: String, guild: UInt64, done: @escaping Done)
}

/// What `timmy.settings/1` promises.
public enum SettingLimits {
    public static let keyBytes = 64
    public static let valueBytes = 2 << 10
    public static let keys = 64
}

/// A C context on its way back to the plugin.
private struct SettingsCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_settings_done

    func finish(_ outcome: Result<[PluginSetting], PluginFailure>) {
        let lent = Lent()
        var result = tb_settings_result_v1()
        switch outcome {
        case .failure(let failure): result.error = lent.array([lent.error(failure)])
        case .success(let settings):
            result.settings = lent.array(
                settings.map { tb_setting_v1(key: lent.string($0.key), value: lent.string($0.value)) })
            result.count = settings.count
        }
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

private let hostSettings: @convention(c) (RawHost, UInt64, tb_settings_done?, UnsafeMutableRawPointer?) -> tb_status = {
    host, guild, done, context in
    guard let plugin = instance(host), let done, guild != 0 else { return TB_E_INVALID }
    guard let service = plugin.services.settings else { return TB_E_UNSUPPORTED }
    let completion = SettingsCompletion(context: context, done: done)
    return plugin.owing(completion) { service.settings(of: plugin.id, guild: guild, done: $0) }
}
private let hostSet:
    @convention(c) (RawHost, UInt64, tb_str, tb_str, tb_settings_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, guild, key, value, done, context in
        guard let plugin = instance(host), let done, guild != 0,
            let key = key.copied(limit: SettingLimits.keyBytes), !key.isEmpty,
            let value = value.copied(limit: SettingLimits.valueBytes)
        else { return TB_E_INVALID }
        guard let service = plugin.services.settings else { return TB_E_UNSUPPORTED }
        let completion = SettingsCompletion(context: context, done: done)
        return plugin.owing(completion) {
            service.set(PluginSetting(key: key, value: value), of: plugin.id, guild: guild, done: $0)
        }
    }

extension PluginInstance {
    fileprivate func owing(_ completion: SettingsCompletion, _ ask: (@escaping SettingsService.Done) -> Void)
        -> tb_status
    {
        let courier = ports.courier
        guard courier.owe() else { return TB_E_RATE_LIMIT }
        ask { outcome in courier.deliver { completion.finish(outcome) } }
        return TB_OK
    }
}
