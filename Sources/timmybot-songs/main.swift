// Composes the demo's songs into a folder. What is there already is kept.

import CLibAV
import CSynth
import Foundation

av_log_set_level(AV_LOG_ERROR)

/// The song as it was before any codec: interleaved stereo at 48 kHz.
func compose(_ song: Song) -> [Float] {
    let frames = Int(song.score.seconds * 48_000)
    var samples = [Float](repeating: 0, count: 2 * frames)
    var score = song.score
    tb_synthesize(&score, &samples, frames)
    return samples
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "--pcm", let song = Song.all.first(where: { $0.file == arguments[2] }) {
    let pcm = compose(song).map { Int16(max(-32_768, min(32_767, $0 * 32_767))).littleEndian }
    exit(FileManager.default.createFile(atPath: arguments[3], contents: pcm.withUnsafeBytes { Data($0) }) ? 0 : 73)
}
// What looks like an option is a mistake, not the name of a folder.
guard arguments.count == 2, !arguments[1].isEmpty, !arguments[1].hasPrefix("-") else {
    print(
        "usage: timmybot-songs FOLDER\n       timmybot-songs --pcm SONG FILE   (16-bit stereo at 48 kHz, before any codec)"
    )
    exit(64)
}
let folder = arguments[1]
do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for song in Song.all {
        let path = "\(folder)/\(song.file)"
        guard !FileManager.default.fileExists(atPath: path) else { continue }
        // Written beside its place and then moved, so that an interrupted run leaves no half song, and several may run.
        let partial = "\(folder)/.partial-\(getpid())-\(song.file)"
        try Writer.write(song, samples: compose(song), to: partial)
        // Over the same song of another run, where one was quicker.
        guard rename(partial, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        print("composed \(song.file)")
    }
} catch {
    print("timmybot-songs: \(error)")
    exit(73)
}
