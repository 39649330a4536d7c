import CTimmyBot
import Foundation
import PluginHost
import Synchronization
import Testing

@testable import HostServices

@Suite("Addresses that plugins may reach")
struct AddressTests {
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.8.8",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
        "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::",
        "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1",
    ])
    func areRefused(_ text: String) throws {
        #expect(try !#require(IPAddress(text)).isPublic)
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1", "128.0.0.1",
        "169.253.1.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "192.167.1.1", "193.0.0.1", "198.17.0.1", "198.20.0.1",
        "223.255.255.255", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00::1", "2001:200::1",
    ])
    func arePublic(_ text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isPublic && address.description == text)
    }

    @Test func literalsAreStrict() {
        for text in ["127.1", "0x7f.0.0.1", "2130706433", "1.2.3", "fe80::1%lo", "[::1]", "", "1.2.3.4 "] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
    }

    @Test func thisMachineIsRefusedUnderItsPublicAddressToo() throws {
        let own = try #require(IPAddress("8.8.4.4")), other = try #require(IPAddress("8.8.8.8"))
        let guarded = AddressGuard(own: { [own] })
        #expect(!guarded.allows(own, port: 443) && guarded.allows(other, port: 443))
        #expect(OwnAddresses.read().contains { $0.isLoopback }, "the interfaces are really read")
    }

    @Test func loopbackOnlyAtTheTestsPorts() throws {
        let loopback = try #require(IPAddress("127.0.0.1"))
        let guarded = AddressGuard(loopbackPorts: [8_080], own: { [] })
        #expect(guarded.allows(loopback, port: 8_080) && !guarded.allows(loopback, port: 8_081))
        #expect(!guarded.allows(try #require(IPAddress("10.0.0.1")), port: 8_080))
        #expect(!AddressGuard().allows(loopback, port: 80))
    }
}

@Suite("Looking names up")
struct ResolverTests {
    /// Lookups that stand still until they are let go.
    private final class Gate: @unchecked Sendable {
        let condition = NSCondition()
        private var isOpen = false
        private var asked: [String] = []

        func lookup(_ name: String) -> [IPAddress] {
            condition.withLock {
                asked.append(name)
                while !isOpen { condition.wait() }
            }
            return name.hasPrefix("no") ? [] : [.v4([9, 9, 9, 9])]
        }
        func open() {
            condition.withLock {
                isOpen = true
                condition.broadcast()
            }
        }
        var names: [String] { condition.withLock { asked } }
    }

    @Test func oneLookupForManyWhoAsk() async throws {
        let gate = Gate()
        let resolver = NameResolver(lookup: gate.lookup)
        let asking = (0..<50).map { _ in Task { try await resolver.addresses(of: "one.example") } }
        #expect(await eventually { gate.names.count == 1 })
        gate.open()
        for task in asking { #expect(try await task.value == [.v4([9, 9, 9, 9])]) }
        #expect(gate.names == ["one.example"])
    }

    @Test func answersAreRememberedForAWhile() async throws {
        let time = Mutex(0.0), count = Mutex(0)
        let resolver = NameResolver(
            lookup: { name in
                count.withLock { $0 += 1 }
                return name == "no.example" ? [] : [.v4([9, 9, 9, 9])]
            }, now: { time.withLock { $0 } })
        for _ in 0..<3 { _ = try await resolver.addresses(of: "a.example") }
        for _ in 0..<3 {
            let error = await failure { try await resolver.addresses(of: "no.example") }
            #expect(error?.code == TB_E_IO)
        }
        #expect(count.withLock { $0 } == 2)
        time.withLock { $0 = 5_001 }
        _ = try await resolver.addresses(of: "a.example")
        _ = await failure { try await resolver.addresses(of: "no.example") }
        #expect(count.withLock { $0 } == 3, "a failure is forgotten sooner")
        time.withLock { $0 = 60_001 }
        _ = try await resolver.addresses(of: "a.example")
        #expect(count.withLock { $0 } == 4)
    }

    @Test func aStuckNameServerHoldsUpNobodyForEver() async {
        let gate = Gate()
        let resolver = NameResolver(lookup: gate.lookup)
        let asking = (0..<NameResolver.threadCount).map { index in
            Task { await failure { try await resolver.addresses(of: "slow\(index).example") } }
        }
        #expect(await eventually { gate.names.count == NameResolver.threadCount })
        let queued = (0..<NameResolver.maximumWaiting).map { index in
            Task { await failure { try await resolver.addresses(of: "queued\(index).example") } }
        }
        // All wait or are refused; none holds a thread of the pool, or this line would not be reached.
        let extra = (0..<4).map { index in
            Task { await failure { try await resolver.addresses(of: "extra\(index).example") } }
        }
        for task in asking + queued + extra { task.cancel() }
        var codes: [Int32: Int] = [:]
        for task in asking + queued + extra { codes[await task.value?.code ?? 0, default: 0] += 1 }
        #expect(codes.keys.allSatisfy { $0 == TB_E_CANCELLED || $0 == TB_E_RATE_LIMIT }, "\(codes)")
        gate.open()
    }

    @Test func literalsAskNobody() async throws {
        let resolver = NameResolver(lookup: { _ in [] })
        #expect(try await resolver.addresses(of: "::1") == [IPAddress("::1")])
    }

    /// The resolver reads more ways of writing an address than the URL's reader; what comes out is checked all the same.
    @Test(arguments: ["2130706433", "127.1", "0x7f000001", "0177.0.0.1", "0"])
    func oddWaysToWriteLoopback(_ name: String) {
        let guarded = AddressGuard(own: { [] })
        #expect(NameResolver.system(name).allSatisfy { !guarded.allows($0, port: 80) })
    }

    @Test func theSystemKnowsItself() {
        #expect(NameResolver.system("localhost").contains { $0.isLoopback })
    }
}
