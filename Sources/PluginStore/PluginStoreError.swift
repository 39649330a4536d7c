/// What an operator cannot have, in one line. Carries no secret.
public struct PluginStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
