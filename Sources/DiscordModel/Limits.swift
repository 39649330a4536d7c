/// Discord's limits with the page that names them.
public enum Limits {
    /// Choices of one autocomplete answer ("Interactions, Receiving and Responding").
    public static let autocompleteChoices = 25
    /// Characters of a choice's name and of its text value ("Application Commands").
    public static let choiceText = 100
    /// Characters of a custom_id ("Component Reference").
    public static let customID = 100
    /// Components of one message, nested ones counted ("Component Reference").
    public static let components = 40
    /// Characters of all text displays of one message.
    public static let messageText = 4000
    /// Bytes of one payload that we send to the gateway ("Gateway").
    public static let gatewayPayload = 4096
    /// Gateway sends in `gatewaySendWindow` seconds.
    public static let gatewaySends = 120
    public static let gatewaySendWindow = 60.0
    /// Requests a second for one bot ("Rate Limits").
    public static let globalRequestsPerSecond = 50
    /// 401, 403 and 429 answers in ten minutes before the address is banned for a while ("Rate Limits").
    public static let invalidRequests = 10_000
}

/// Message flags.
public struct MessageFlags: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let ephemeral = MessageFlags(rawValue: 1 << 6)
    public static let loading = MessageFlags(rawValue: 1 << 7)
    public static let isComponentsV2 = MessageFlags(rawValue: 1 << 15)
}

/// Channel types.
public enum ChannelType {
    public static let text = 0
    public static let voice = 2
    public static let stage = 13
}

/// Interaction types.
public enum InteractionType {
    public static let command = 2
    public static let component = 3
    public static let autocomplete = 4
    public static let modal = 5
}

/// Interaction callback types.
public enum InteractionCallbackType {
    public static let message = 4
    public static let deferredMessage = 5
    public static let deferredUpdate = 6
    public static let update = 7
    public static let autocomplete = 8
    public static let modal = 9
}
