// Composes the demo's songs into a folder: timmybot-songs FOLDER. What is there already is kept.

import CLibAV
import CSynth
import Foundation

av_log_set_level(AV_LOG_ERROR)
guard CommandLine.arguments.count == 2 else {
    print("usage: timmybot-songs FOLDER")
    exit(64)
}
let folder = CommandLine.arguments[1]
do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for song in Song.all {
        let path = "\(folder)/\(song.file)"
        guard !FileManager.default.fileExists(atPath: path) else { continue }
        let frames = Int(song.score.seconds * 48_000)
        var samples = [Float](repeating: 0, count: 2 * frames)
        var score = song.score
        tb_synthesize(&score, &samples, frames)
        // Written beside its place and then moved, so that an interrupted run leaves no half song.
        let partial = "\(folder)/.partial-\(getpid())-\(song.file)"
        try Writer.write(song, samples: samples, to: partial)
        try FileManager.default.moveItem(atPath: partial, toPath: path)
        print("composed \(song.file)")
    }
} catch {
    print("timmybot-songs: \(error)")
    exit(73)
}
