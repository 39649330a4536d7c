import Foundation
import Glibc
import Synchronization

/// Says which addresses a plugin may be connected to: public ones that are not this machine's.
public final class AddressGuard: Sendable {
    /// Tests only: loopback is allowed at these ports. No setting leads here.
    private let loopbackPorts: Set<Int>
    private let own: @Sendable () -> Set<IPAddress>

    public init(
        loopbackPorts: Set<Int> = [], own: @escaping @Sendable () -> Set<IPAddress> = OwnAddresses().callAsFunction
    ) {
        self.loopbackPorts = loopbackPorts
        self.own = own
    }

    public func allows(_ address: IPAddress, port: Int) -> Bool {
        if address.isLoopback { return loopbackPorts.contains(port) }
        return address.isPublic && !own().contains(address)
    }
}

/// The addresses of this machine's interfaces, read again every half minute: what listens only behind a firewall is still
/// open to the machine itself under its public address.
public final class OwnAddresses: Sendable {
    private let known = Mutex<(addresses: Set<IPAddress>, until: UInt64)>(([], 0))

    public init() {}

    public func callAsFunction() -> Set<IPAddress> {
        let now = DispatchTime.now().uptimeNanoseconds
        return known.withLock { known in
            if now >= known.until { known = (Self.read(), now + 30_000_000_000) }
            return known.addresses
        }
    }

    static func read() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: Set<IPAddress> = []
        var entry = first
        while let one = entry {
            if let address = IPAddress(one.pointee.ifa_addr) { found.insert(address) }
            entry = one.pointee.ifa_next
        }
        return found
    }
}
