/// A bounded map whose entries die of age, and of disuse when it is full. Pure: the time comes in with each call.
struct ExpiringCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        var value: Value
        let expires: Duration
        var used: UInt64
    }

    private var slots: [Key: Slot] = [:]
    private var uses: UInt64 = 0
    let capacity: Int
    let lifetime: Duration

    init(capacity: Int, lifetime: Duration) {
        self.capacity = max(1, capacity)
        self.lifetime = lifetime
    }

    var count: Int { slots.count }

    mutating func value(for key: Key, at now: Duration) -> Value? {
        guard let slot = slots[key] else { return nil }
        guard slot.expires > now else {
            slots[key] = nil
            return nil
        }
        uses += 1
        slots[key]?.used = uses
        return slot.value
    }

    mutating func insert(_ value: Value, for key: Key, at now: Duration) {
        uses += 1
        slots[key] = Slot(value: value, expires: now + lifetime, used: uses)
        if slots.count > capacity { evict(at: now) }
    }

    mutating func removeAll() { slots = [:] }

    mutating func remove(_ key: Key) { slots[key] = nil }

    /// Rare and thorough: drops the dead, then the least used eighth, so that full caches do not sort on every insert.
    private mutating func evict(at now: Duration) {
        slots = slots.filter { $0.value.expires > now }
        guard slots.count > capacity else { return }
        let keep = capacity - capacity / 8
        let oldest = slots.sorted { $0.value.used < $1.value.used }.prefix(slots.count - keep)
        for (key, _) in oldest { slots[key] = nil }
    }
}
