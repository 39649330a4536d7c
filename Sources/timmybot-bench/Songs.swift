import Foundation

/// The demo's songs, made by the program that is built beside this one.
enum Songs {
    static func compose(into folder: String) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Options.sibling("timmybot-songs"))
        process.arguments = [folder]
        process.standardOutput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
