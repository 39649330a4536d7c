import CLinux
import Glibc

/// What the threads of a worker are at: memory shared with it that outlives it.
///
/// `@unchecked Sendable`: the mapping lives until `deinit` and its fields are C11 atomics. The worker writes it and may
/// lie; what is read here are hints about whom to suspect and nothing else.
final class Board: @unchecked Sendable {
    let descriptor: Int32
    private let board: OpaquePointer

    init() throws(MediaError) {
        let descriptor = tb_sealed_memfd("timmybot-board", tb_board_size())
        guard descriptor >= 0,
            let memory = mmap(nil, tb_board_size(), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            memory != MAP_FAILED
        else {
            let cause = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw MediaError(.internalError, "no shared memory: \(cause)")
        }
        self.descriptor = descriptor
        board = OpaquePointer(memory)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(board), tb_board_size())
        close(descriptor)
    }

    /// Ids of streams and probes by lane, 0 where a lane is at nothing.
    var busy: [UInt32] { (0..<TB_BOARD_LANES).map { tb_board_get(board, $0) } }

    /// What the thread that crashed was at; 0 where that is not known.
    var crashed: UInt32 { tb_board_crashed(board) }
}
