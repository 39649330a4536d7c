import Synchronization
import Testing
import TimmyKit

@testable import Feeds

private let show = """
    \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
    <!DOCTYPE rss>
    <rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">
     <channel>
      <title>Rock &amp; Stone</title>
      <image><url>https://e.example/show.png</url><title>Not the show</title></image>
      <item>
       <title><![CDATA[Episode <2>]]></title>
       <guid isPermaLink="false">ep-2</guid>
       <link>https://e.example/2</link>
       <description>&lt;p&gt;Words&lt;/p&gt;</description>
       <enclosure url="https://cdn.example/2.mp3?a=1&amp;b=2" length="5" type="audio/mpeg"/>
       <itunes:duration>1:02:03</itunes:duration>
       <itunes:image href="https://e.example/2.png" />
      </item>
      <!-- <item> in a comment -->
      <item><title>Words only</title></item>
      <item>
       <title>&#201;pisode &#x31; &unknown; &</title>
       <enclosure url='http://cdn.example/1.mp3' type='audio/mpeg'></enclosure>
       <itunes:duration>90</itunes:duration>
      </item>
     </channel>
    </rss>
    """

@Suite("Podcast feeds", .timeLimit(.minutes(1)))
struct FeedTests {
    @Test func aFeed() throws {
        let feed = try Feed(rss: Array(show.utf8))
        #expect(feed.title == "Rock & Stone" && feed.imageURL == "https://e.example/show.png")
        #expect(feed.episodes.map(\.title) == ["Episode <2>", "Épisode 1 &unknown; &"])
        #expect(feed.episodes.map(\.url) == ["https://cdn.example/2.mp3?a=1&b=2", "http://cdn.example/1.mp3"])
        #expect(feed.episodes.map(\.guid) == ["ep-2", "http://cdn.example/1.mp3"])
        #expect(feed.episodes.map(\.durationMilliseconds) == [3_723_000, 90_000])
        #expect(feed.episodes.map(\.imageURL) == ["https://e.example/2.png", "https://e.example/show.png"])
        #expect(feed.episodes.map(\.pageURL) == ["https://e.example/2", ""])
        #expect(Set(feed.episodes.map(\.id)).count == 2 && feed.episodes[0].id.utf8.count <= 16)
    }

    @Test(arguments: ["", "-1", "x", "1:2:3:4", "1::2", "99999999999", "1.5"])
    func noDuration(_ text: String) { #expect(Feed.duration(text) == 0) }

    @Test(arguments: [
        "", "hello", "<a>", "</a>", "<a></b>", "<a b></a>", "<a b=c></a>", "<a b=\"></a>", "<", "<a", "<a/", "<!--",
        "<![CDATA[",
        "<!DOCTYPE a [<!ENTITY lol \"lol\">]><rss><channel><title>&lol;</title></channel></rss>",
        "<html><body>Not found</body></html>",
    ])
    func isRefused(_ text: String) {
        #expect(throws: Failure.self) { try Feed(rss: Array(text.utf8)) }
    }

    @Test func bounds() throws {
        let deep = String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40)
        #expect(throws: Failure.self) { try Feed(rss: Array(deep.utf8)) }
        let long = "<rss><channel><title>\(String(repeating: "x", count: 300_000))</title></channel></rss>"
        #expect(throws: Failure.self) { try Feed(rss: Array(long.utf8)) }
        #expect(throws: Failure.self) { try Feed(rss: [UInt8](repeating: 0x20, count: 9 << 20)) }
        let item = "<item><title>t</title><enclosure url=\"https://e.example/x\"/></item>"
        let many = "<rss><channel>\(String(repeating: item, count: 1_500))</channel></rss>"
        #expect(try Feed(rss: Array(many.utf8)).episodes.count == Feed.maximumEpisodes)
        let wide = "<rss><channel><title>\(String(repeating: "y", count: 5_000))</title></channel></rss>"
        #expect(try Feed(rss: Array(wide.utf8)).title.count == 512)
    }

    /// Every cut and every bent byte is answered, never trapped on.
    @Test func cutAndBent() {
        let whole = Array(show.utf8)
        var readable = 0
        for place in whole.indices {
            if (try? Feed(rss: Array(whole[..<place]))) != nil { readable += 1 }
            for byte in [UInt8(ascii: "<"), UInt8(ascii: "\""), 0xFF, whole[place] ^ 0x20] {
                var bent = whole
                bent[place] = byte
                if let feed = try? Feed(rss: bent) { #expect(feed.episodes.count <= 3) }
            }
        }
        #expect(readable == 0, "a document that is cut short is no feed")
    }

    @Test func theShelf() async throws {
        struct Down: Error {}
        let isDown = Mutex(false)
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let other = show.replacing("Rock &amp; Stone", with: "Other").replacing("ep-2", with: "o-2")
        let shelf = Shelf(["https://a.example/", "https://b.example/"], complain: { line.yield($0) }) { address in
            if address.contains("b.example"), isDown.withLock({ $0 }) { throw Down() }
            return Array((address.contains("b.example") ? other : show).utf8)
        }
        #expect(await shelf.newest(5).isEmpty)
        await shelf.ready()
        #expect(await shelf.newest(3).map(\.show) == ["Rock & Stone", "Other", "Rock & Stone"])
        #expect(await shelf.search("episode other", 10).map(\.episode.guid) == ["o-2"])
        #expect(await shelf.search("ROCK", 1).map(\.episode.guid) == ["ep-2"])
        #expect(await shelf.search("rock roll", 10).isEmpty)
        #expect(await shelf.search("  ", 10).isEmpty)
        let found = try #require(await shelf.search("other 2", 1).first)
        #expect(await shelf.item(found.episode.id) == found)
        #expect(await shelf.item("nothing") == nil)
        isDown.withLock { $0 = true }
        await shelf.refresh()
        #expect(await shelf.item(found.episode.id) == found, "a feed that is down keeps its episodes")
        for await text in lines {
            #expect(text == "https://b.example/: Down()")
            break
        }
    }
}
