import Foundation
import Glibc
import MediaWire

/// Why a track cannot be played or described.
public struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
    public let failure: MediaFailure
    /// For the operator.
    public let detail: String
    /// For the user, where there is more to say than the failure's own words.
    public let userText: String?
    /// The trouble may pass: how long to wait before the same is tried again. Nil where it would fail again.
    public let retryAfter: Duration?

    public init(
        _ failure: MediaFailure, _ detail: String, user userText: String? = nil, retryAfter: Duration? = nil
    ) {
        self.failure = failure
        self.detail = detail
        self.userText = userText
        self.retryAfter = retryAfter
    }

    public var description: String { "\(failure.rawValue): \(detail)" }

    /// For the user, in plain words.
    public var userMessage: String {
        if let userText { return userText }
        return switch failure {
        case .unreadable: "This track could not be read."
        case .noAudio: "This file has no sound in it."
        case .unsupported: "This kind of file cannot be played."
        case .damaged: "This file is damaged."
        case .tooExpensive: "This file is too hard to decode."
        case .internalError: "Something went wrong while playing this track."
        }
    }
}

/// A descriptor that is closed when the last owner lets go.
public final class MediaFile: Sendable {
    public let descriptor: Int32

    /// Takes over `descriptor`.
    public init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// A second, independent view of the same file, for a worker that takes the place of a dead one: its own offset.
    func reopened() -> MediaFile? {
        let copy = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
        return copy >= 0 ? MediaFile(descriptor: copy) : nil
    }
}

/// What a file is, with its picture.
public struct ProbedMedia: Sendable, Equatable {
    public let info: MediaInfo
    public let artwork: [UInt8]
}

/// Where the worker is and how the host watches it.
public struct MediaConfiguration: Sendable {
    public var workerPath: String
    /// Between two questions whether the worker is alive.
    public var heartbeat: Duration = .milliseconds(200)
    /// Milliseconds of CPU time that a thread may use at one thing; the worker itself stops at less where it can.
    public var cpuLimit = 1_500
    /// Milliseconds that a thread may take for one thing when it does not compute: a disk that wakes up takes several
    /// seconds.
    public var inputLimit = 15_000
    /// Questions without an answer after which the worker is taken for dead.
    public var missedHeartbeats = 3
    /// Heartbeats that a start may take: a busy machine needs a while.
    public var startHeartbeats = 50
    /// Failed starts in a row after which what waits for a worker is given up.
    public var startAttempts = 5

    public init(workerPath: String) { self.workerPath = workerPath }
}

/// What happens to a stream.
public enum MediaStreamEvent: Sendable {
    /// The worker was replaced: packets now come out of this ring, from where the last one stopped.
    case ringReplaced
    /// Everything has been produced; what is in the ring is still to be played.
    case produced
    case failed(MediaError)
}
