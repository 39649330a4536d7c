import Foundation
import Synchronization
import Testing

@testable import PluginHost

/// The thread on which completions come.
@Suite("Completions")
struct CourierTests {
    @Test func whatIsOwedIsCountedUntilItIsDelivered() async {
        let courier = Courier(name: "test"), seen = Mutex<[Int]>([])
        for number in 0..<Courier.maximumOwed {
            #expect(courier.owe())
            if number > 0 { courier.deliver { seen.withLock { $0.append(number) } } }
        }
        #expect(await eventually { seen.withLock { $0.count } == Courier.maximumOwed - 1 })
        #expect(seen.withLock { $0 } == Array(1..<Courier.maximumOwed), "in order")
        #expect(!courier.waitUntilNothingIsOwed(0.01), "one is still owed")
        courier.close()
        #expect(!courier.owe(), "a plugin that stops is promised nothing more")
        courier.deliver {}
        #expect(courier.waitUntilNothingIsOwed(20))
    }

    @Test func thereIsABound() {
        let courier = Courier(name: "test")
        for _ in 0..<Courier.maximumOwed { #expect(courier.owe()) }
        #expect(!courier.owe())
    }

    @Test func aCompletionThatHangsHoldsUpDestroyForAWhileOnly() async {
        let courier = Courier(name: "test"), gate = DispatchSemaphore(value: 0)
        #expect(courier.owe())
        courier.deliver { gate.wait() }
        courier.close()
        #expect(!courier.waitUntilNothingIsOwed(0.01))
        gate.signal()
        #expect(courier.waitUntilNothingIsOwed(20))
    }
}
