import CTimmyBot
import Synchronization

/// One task that the host gave us and that we accepted. It is settled exactly once, whoever comes first.
final class OpenTask: Sendable {
    private enum State { case open, settling, settled }

    let id: tb_task
    let host: Host
    private let state = Mutex(State.open)

    init(id: tb_task, host: Host) {
        self.id = id
        self.host = host
    }

    /// Settles by what `call` hands to the host. A refused answer leaves the task open, so that it can still be failed.
    ///
    /// - Throws: `.stale` where the task is settled already, or whatever the host refused with.
    func settle(_ what: String, _ call: () -> tb_status) throws(Failure) {
        let mine = state.withLock { state in
            guard state == .open else { return false }
            state = .settling
            return true
        }
        guard mine else { throw Failure(code: .stale, detail: "\(what): answered already") }
        let status = call()
        state.withLock { $0 = status == TB_OK || status == TB_E_STALE ? .settled : .open }
        guard status == TB_OK else { throw Failure(status: status, what) }
    }

    /// Harmless where it is settled already. Something that is thrown after the answer is the operator's to read.
    func fail(_ error: any Error) {
        let failure = Failure(error)
        let lender = Lender()
        var raw = lender.error(failure)
        do throws(Failure) {
            try withExtendedLifetime(lender) { () throws(Failure) in
                try settle("fail") { host.tables.task?.pointee.fail?(host.raw, id, &raw) ?? TB_E_UNSUPPORTED }
            }
        } catch {
            if failure.code != .stale, failure.code != .cancelled { host.log(.warning, "after the answer: \(failure)") }
        }
    }

    var isOpen: Bool { state.withLock { $0 == .open } }
    var isSettling: Bool { state.withLock { $0 == .settling } }
}
