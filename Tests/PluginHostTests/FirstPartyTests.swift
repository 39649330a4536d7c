import CTimmyBot
import Foundation
import Testing

@testable import PluginHost

/// Playback and Queue as they ship, and people who get things wrong.
@Suite("Playback and Queue")
struct FirstPartyTests {
    @Test func nonsenseIsAnsweredAndHasNobodyRest() async throws {
        let folder = (LibraryTests.plugin as NSString).deletingLastPathComponent
        let scratch = try Scratch()
        let host = makeHost(scratch)
        for name in ["Playback", "Queue"] { try host.load("\(folder)/lib\(name).so") }
        for _ in 0..<(Breaker.threshold * 2) {
            let typed = await failure { try await host.invoke("seek", somebody, ["position": .string("soon")]) }
            #expect(typed?.userText.contains("I do not understand “soon”") == true)
            for plugin in ["timmy.playback", "timmy.queue"] {
                let old = await failure {
                    try await host.component(plugin: plugin, customID: "of-an-old-version", values: [], somebody)
                }
                #expect(old?.userText == "This button does nothing any more.")
            }
        }
        #expect(host.conditions.map(\.allFailures) == [0, 0])
        await host.close()
    }
}
