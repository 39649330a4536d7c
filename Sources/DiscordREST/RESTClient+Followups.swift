import DiscordModel

extension RESTClient {
    /// Takes the first answer to an interaction away, also one that was only deferred.
    public func deleteOriginalResponse(application: Snowflake, token: String) async throws {
        _ = try await send(
            Route(
                "DELETE", "/webhooks/{}/{}/messages/@original", major: "\(application)|\(token)",
                exemptFromGlobal: true),
            path: "/webhooks/\(application)/\(Self.encoded(token))/messages/@original", authorized: false)
    }

    /// Changes a message that `createFollowup` made.
    public func editFollowup(
        application: Snowflake, token: String, message: Snowflake, _ body: JSONValue, attachments: [Attachment] = []
    ) async throws -> JSONValue {
        try await send(
            Route("PATCH", "/webhooks/{}/{}/messages/{}", major: "\(application)|\(token)", exemptFromGlobal: true),
            path: "/webhooks/\(application)/\(Self.encoded(token))/messages/\(message)", body: body,
            attachments: attachments, authorized: false)
    }
}
