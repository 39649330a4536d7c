/// A part of the installation without which the bot cannot run. `description` says which, and how to mend it.
public struct MissingPart: Error, Equatable, CustomStringConvertible {
    public let part: String
    public let reason: String
    public let remedy: String
    public var description: String { "\(part): \(reason); \(remedy)" }
}
