// The media worker: the only process that parses untrusted media. Started by the host with a control socket as
// descriptor 3 and a board as descriptor 4; everything it works with arrives at the socket. docs/media.md

import CLibAV
import CLinux
import Glibc
import MediaWire

let arguments = CommandLine.arguments.dropFirst()
av_log_set_level(AV_LOG_QUIET)

switch arguments.first {
case "--version":
    print("timmybot-media 0.1.0 (libavformat \(avformat_version() >> 16), libavcodec \(avcodec_version() >> 16))")
case "--self-test":
    let parent = getppid()
    guard Confinement.apply() else {
        print("confinement failed")
        exit(1)
    }
    let report = Confinement.report(parent: parent)
    print(report)
    exit(report.contains("ALLOWED") ? 1 : 0)
case "--control":
    // Touch what loads lazily before the doors close.
    _ = WireSocket.warmUp()
    guard let memory = mmap(nil, tb_board_size(), PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0), memory != MAP_FAILED,
        tb_board_watch_crashes(OpaquePointer(memory)) == 0
    else { exit(64) }
    guard Confinement.apply() else { exit(71) }
    Server(socket: WireSocket(descriptor: 3), board: OpaquePointer(memory)).run()
default:
    print("timmybot-media is started by timmybot; it has no use of its own")
    exit(64)
}
