import CBenchFloor

/// Frames that did not reach a listener in the measured window, counted alike for every sender: by what its packets say of
/// themselves. A frame is in one of the three.
struct Losses {
    /// Not sent: its time went by (RTP's clock ran on, the numbers did not), or a frame of silence left in its place.
    var unsent = 0
    /// Numbered and not received: the kernel refused it.
    var failed = 0
    /// Sent, and dropped by a full socket of the bench's own: the catching thread came too late.
    var dropped = 0

    init() {}

    /// - Parameters:
    ///   - packets: in the order in which they came.
    ///   - silent: frames of silence that were sent in the window, in which nothing ends.
    init(_ packets: UnsafeBufferPointer<tb_record>, within window: Range<Int>, silent: Int) {
        var last: [UInt32: tb_record] = [:], drops: [UInt16: (first: UInt32, last: UInt32)] = [:]
        var missing = 0
        unsent = silent
        for packet in packets where window.contains(Int(packet.time)) {
            drops[packet.socket] = (drops[packet.socket]?.first ?? packet.drops, packet.drops)
            if let before = last[packet.ssrc] {
                let steps = Int(Int16(bitPattern: packet.sequence &- before.sequence))
                let slots = Int(Int32(bitPattern: packet.timestamp &- before.timestamp)) / 960
                missing += max(0, steps - 1)
                unsent += max(0, slots - steps)
            }
            last[packet.ssrc] = packet
        }
        dropped = min(missing, drops.values.reduce(0) { $0 + Int($1.last &- $1.first) })
        failed = missing - dropped
    }

    static func + (one: Losses, other: Losses) -> Losses {
        var sum = Losses()
        sum.unsent = one.unsent + other.unsent
        sum.failed = one.failed + other.failed
        sum.dropped = one.dropped + other.dropped
        return sum
    }

    static let header = ["unsent", "failed", "dropped"]
    var cells: [String] { ["\(unsent)", "\(failed)", "\(dropped)"] }
}
