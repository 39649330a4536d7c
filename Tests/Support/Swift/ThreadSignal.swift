import CTestSupport
import Foundation

/// Sends a signal to the thread of a process that has this name; false where there is none.
public func signalThread(_ name: String, of process: pid_t, _ number: Int32) -> Bool {
    let folder = "/proc/\(process)/task"
    for task in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        guard let found = try? String(contentsOfFile: "\(folder)/\(task)/comm", encoding: .utf8), found == name + "\n",
            let thread = pid_t(task)
        else { continue }
        return ts_signal_thread(process, thread, number) == 0
    }
    return false
}
