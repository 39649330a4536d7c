import Testing
import WebSocketClient

@Suite(.timeLimit(.minutes(5))) struct MailboxTests {
    @Test func ordersAcrossManyProducersAndEnds() async {
        let mailbox = Mailbox<(producer: Int, number: Int)>(mark: 16)
        let total = await withTaskGroup(of: Void.self, returning: Int.self) { group in
            for producer in 0..<4 {
                group.addTask {
                    for number in 0..<500 {
                        await mailbox.waitForRoom()
                        mailbox.push((producer, number))
                    }
                }
            }
            var last = [-1, -1, -1, -1]
            for _ in 0..<2000 {
                guard let item = await mailbox.next() else { break }
                #expect(item.number == last[item.producer] + 1)
                last[item.producer] = item.number
            }
            return last.reduce(4, +)
        }
        #expect(total == 2000)
        mailbox.finish()
        #expect(await mailbox.next() == nil)
        #expect(mailbox.push((0, 0)) == .finished)
    }

    @Test func drainIsAnnouncedAtHalf() async {
        let drained = Mailbox<Void>(mark: .max)
        let mailbox = Mailbox<Int>(mark: 4)
        mailbox.onDrain { drained.push(()) }
        #expect((1...4).map { mailbox.push($0) } == [.room, .room, .room, .full])
        _ = await mailbox.next()
        #expect(drained.count == 0 && !mailbox.hasRoom)
        _ = await mailbox.next()
        #expect(drained.count == 1 && mailbox.hasRoom)
    }

    @Test func cancellationWakesTheConsumerAndLeavesTheMailboxUsable() async {
        let mailbox = Mailbox<Int>(mark: 4)
        let task = Task { await mailbox.next() }
        task.cancel()
        #expect(await task.value == nil)
        mailbox.push(1)
        #expect(await mailbox.next() == 1)
    }
}
