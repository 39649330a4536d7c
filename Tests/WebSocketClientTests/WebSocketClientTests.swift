import Testing

@testable import WebSocketClient

@Suite struct WebSocketAddressTests {
    @Test func partsAreFound() throws {
        let address = try #require(WebSocketAddress("wss://example.org/path?v=8"))
        #expect(address.secure && address.host == "example.org" && address.port == 443 && address.path == "/path?v=8")
        let local = try #require(WebSocketAddress("ws://127.0.0.1:81?v=8"))
        #expect(!local.secure && local.port == 81 && local.path == "/?v=8")
    }

    @Test(arguments: ["", "http://x", "ws://", "ws://user@host/", "ws://host:99999/", "ws://host/ a", "wss://:80/"])
    func nonsenseIsRefused(url: String) { #expect(WebSocketAddress(url) == nil) }

    @Test func nobodyListening() async {
        await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(WebSocketConfiguration(url: "ws://127.0.0.1:1/"))
        }
    }
}
