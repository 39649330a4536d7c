import Bot
import Files
import Foundation

/// What a listener heard, on the disk.
enum Recording {
    /// The report is out already: a full disk costs the recording only.
    static func keep(_ recording: Data, as path: String) throws {
        do {
            try DurableFile.write(recording, to: path)
        } catch {
            Settings.fail("\(path) could not be written: \(error)")
            throw Exit.cannotCreate
        }
    }
}
