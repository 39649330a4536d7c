import CSynth

/// One song of the demo: what to play, how to call it, how to store it.
struct Song {
    let file: String
    let title, artist: String
    let color: (red: UInt8, green: UInt8, blue: UInt8)
    let score: tb_song

    private init(
        _ file: String, _ title: String, _ artist: String, color: (UInt8, UInt8, UInt8), seed: UInt32, tempo: Float,
        root: Int32, minor: Bool, chords: (Int32, Int32, Int32, Int32), brightness: Float, swing: Float = 0,
        drums: Float,
        pluck: Float, seconds: Float
    ) {
        self.file = file
        self.title = title
        self.artist = artist
        self.color = color
        score = tb_song(
            seed: seed, tempo: tempo, root: root, minor: minor ? 1 : 0, progression: chords, brightness: brightness,
            swing: swing, drums: drums, pluck: pluck, seconds: seconds)
    }

    static let all = [
        Song(
            "morning-train.opus", "Morning Train", "The Loopbacks", color: (230, 126, 34), seed: 11, tempo: 104,
            root: 60,
            minor: false, chords: (0, 4, 5, 3), brightness: 0.6, drums: 0.8, pluck: 0.7, seconds: 75),
        Song(
            "night-packets.opus", "Night Packets", "The Loopbacks", color: (52, 73, 150), seed: 23, tempo: 82, root: 57,
            minor: true, chords: (0, 5, 2, 6), brightness: 0.3, swing: 0.2, drums: 0.5, pluck: 0.2, seconds: 80),
        Song(
            "glass-harbour.flac", "Glass Harbour", "Ada Kernel", color: (26, 188, 156), seed: 37, tempo: 70, root: 62,
            minor: false, chords: (0, 2, 3, 4), brightness: 0.4, drums: 0, pluck: 0.1, seconds: 60),
        Song(
            "paper-lanterns.mp3", "Paper Lanterns", "Ada Kernel", color: (231, 76, 60), seed: 41, tempo: 92, root: 64,
            minor: true, chords: (0, 3, 6, 2), brightness: 0.7, swing: 0.25, drums: 0.6, pluck: 0.9, seconds: 60),
        Song(
            "long-way-home.m4a", "Long Way Home", "Timer Wheel", color: (155, 89, 182), seed: 53, tempo: 116, root: 55,
            minor: false, chords: (0, 5, 3, 4), brightness: 0.5, drums: 1, pluck: 0.6, seconds: 60),
        Song(
            "tidal-clock.opus", "Tidal Clock", "Timer Wheel", color: (41, 128, 185), seed: 67, tempo: 128, root: 59,
            minor: true, chords: (0, 6, 5, 4), brightness: 0.8, drums: 1, pluck: 0.4, seconds: 70),
    ]
}
