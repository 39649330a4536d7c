import CTimmyBot

/// What `timmy.store/1` promises.
public enum StoreLimits {
    public static let keyLength = 1...128
    public static let maximumValue = 64 << 10
    public static let maximumKeys = 1_024
    /// Keys and values together.
    public static let maximumTotal = 1 << 20
}

/// Keys are UTF-8, compared byte by byte.
public enum StoreOperation: Sendable, Equatable {
    case get([UInt8])
    case set([UInt8], [UInt8])
    case remove([UInt8])
    case keys(prefix: [UInt8])
}

public struct StoreAnswer: Sendable, Equatable {
    /// Whether the key was there.
    public let isFound: Bool
    public let value: [UInt8]
    public let keys: [[UInt8]]

    public init(isFound: Bool, value: [UInt8] = [], keys: [[UInt8]] = []) {
        (self.isFound, self.value, self.keys) = (isFound, value, keys)
    }
}

/// A small store for each plugin.
public protocol StoreService: Sendable {
    /// Operations of one plugin happen in the order of the calls. Returns at once; `done` is called once, on any thread,
    /// when a change is on the disk. Fails with `TB_E_RATE_LIMIT` where the quota is used up, `TB_E_IO` where the disk is
    /// full or broken: nothing is changed then.
    func perform(
        _ operation: StoreOperation, for plugin: String,
        done: @escaping @Sendable (Result<StoreAnswer, PluginFailure>) -> Void)
}

/// Where the host was given no place for files.
public struct NoStore: StoreService {
    public init() {}
    public func perform(
        _ operation: StoreOperation, for plugin: String,
        done: @escaping @Sendable (Result<StoreAnswer, PluginFailure>) -> Void
    ) { done(.failure(PluginFailure(code: TB_E_UNSUPPORTED, detail: "this host keeps nothing for plugins"))) }
}
