import Synchronization
import TimmyCore

/// A value that is set once, later.
final class Slot<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    func set(_ new: Value) { value.withLock { $0 = new } }
    func get() -> Value? { value.withLock { $0 } }
}

/// Voice ports by guild.
final class PortTable: Sendable {
    private let ports = Mutex<[GuildID: GuildVoice]>([:])
    var all: [GuildVoice] { ports.withLock { Array($0.values) } }
    func get(_ guild: GuildID) -> GuildVoice? { ports.withLock { $0[guild] } }
    func set(_ guild: GuildID, _ port: GuildVoice) { ports.withLock { $0[guild] = port } }
    /// Leaves another port alone that has taken the place of this one.
    func remove(_ guild: GuildID, _ port: GuildVoice) {
        ports.withLock { if $0[guild] === port { $0[guild] = nil } }
    }
}
