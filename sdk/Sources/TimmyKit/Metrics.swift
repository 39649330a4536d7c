import CTimmyBot

/// Numbers for the operator, beside the host's own of this plugin. Names have 1 to 48 of a-z, 0-9 and _; at most 64.
public struct Metrics: Sendable {
    let host: Host

    /// Adds to a counter; `amount` is not negative.
    public func count(_ name: String, _ amount: Double = 1) {
        let lender = Lender()
        withExtendedLifetime(lender) { host.tables.metrics?.pointee.count?(host.raw, lender.lend(name), amount) }
    }

    public func gauge(_ name: String, _ value: Double) {
        let lender = Lender()
        withExtendedLifetime(lender) { host.tables.metrics?.pointee.gauge?(host.raw, lender.lend(name), value) }
    }

    /// One observation of a distribution, in the unit that the name ends in (`_seconds`, `_bytes`).
    public func observe(_ name: String, _ value: Double) {
        let lender = Lender()
        withExtendedLifetime(lender) { host.tables.metrics?.pointee.observe?(host.raw, lender.lend(name), value) }
    }
}

extension Host {
    public var metrics: Metrics { Metrics(host: self) }
}
