import CTimmyBot
import Foundation
import Testing

@testable import PluginHost

@Suite("Addresses of the web")
struct HTTPURLTests {
    @Test(arguments: [
        ("https://Example.ORG", "https://example.org/"), ("http://a.b:80/x", "http://a.b/x"),
        ("https://a.b:8443/x?y=1#z", "https://a.b:8443/x?y=1"), ("https://a.b?q", "https://a.b/?q"),
        ("HTTPS://[2001:DB8::1]:444/", "https://[2001:db8::1]:444/"), ("http://1.2.3.4/", "http://1.2.3.4/"),
    ])
    func areRead(_ text: String, _ expected: String) {
        #expect(HTTPURL(text)?.description == expected)
    }

    @Test(arguments: [
        "", "https://", "https:///x", "//a.b/", "ftp://a.b/", "file:///x", "javascript:1", "https://a b/",
        "https://a.b/ x",
        "https://u@a.b/", "https://u:p@a.b/", "https://a.b:/", "https://a.b:0/", "https://a.b:65536/",
        "https://a.b:1x/",
        "https://a.b:+1/", "https://a..b/", "https://.a/", "https://a.b./", "https://a.b\\@c.d/", "https://a.b/\u{7f}",
        "https://a.b/\r\nX: y", "https://ü.de/", "https://[::1/", "https://[1.2.3.4]/", "https://[fe80::1%25lo]/",
        "https://a%2eb/", "http+unix://x/", "https://a_b!/",
    ])
    func areRefused(_ text: String) {
        #expect(HTTPURL(text) == nil)
    }

    @Test(arguments: [
        ("/c?d", "https://a.b:444/c?d"), ("c", "https://a.b:444/x/c"), ("../c", "https://a.b:444/c"),
        ("../../../c", "https://a.b:444/c"), ("./", "https://a.b:444/x/"), ("?q", "https://a.b:444/x/y?q"),
        ("//c.d/e", "https://c.d/e"), ("http://c.d/", "http://c.d/"), ("#f", "https://a.b:444/x/y?z"),
        ("", "https://a.b:444/x/y?z"), ("/..;/a/./b/../c", "https://a.b:444/..;/a/c"),
    ])
    func redirectsAreResolved(_ location: String, _ expected: String) throws {
        let base = try #require(HTTPURL("https://a.b:444/x/y?z"))
        #expect(base.resolving(location)?.description == expected)
    }

    @Test(arguments: ["ftp://c/", "javascript:alert(1)", "http://u@c/", "/a b", "//", "data:x", "https://c\\d/"])
    func redirectsToElsewhereAreNone(_ location: String) throws {
        #expect(try #require(HTTPURL("https://a.b/")).resolving(location) == nil)
    }
}

@Suite("A manifest's hosts")
struct AllowedHostsTests {
    private func allows(_ entries: [String], _ url: String) throws -> Bool {
        try AllowedHosts(entries).allows(#require(HTTPURL(url)))
    }

    @Test(arguments: [
        ("a.example.org", "https://a.example.org/x", true), ("a.example.org", "http://a.example.org/x", false),
        ("a.example.org", "https://a.example.org:8443/", false), ("a.example.org", "https://b.example.org/", false),
        ("a.example.org", "https://xa.example.org/", false),
        ("a.example.org", "https://a.example.org.evil.com/", false),
        ("*.example.org", "https://a.example.org/", true), ("*.example.org", "https://a.b.example.org/", true),
        ("*.example.org", "https://example.org/", false), ("*.example.org", "https://evilexample.org/", false),
        ("a.example.org:8443", "https://a.example.org:8443/", true),
        ("a.example.org:8443", "https://a.example.org/", false),
        ("http://a.example.org", "http://a.example.org/", true),
        ("http://a.example.org", "https://a.example.org/", true),
        ("http://a.example.org", "http://a.example.org:8000/", false),
        ("http://a.example.org:8000", "http://a.example.org:8000/", true),
        ("https://a.example.org", "http://a.example.org/", false), ("*", "https://anything.example/", true),
        ("*", "http://anything.example/", false), ("*", "https://anything.example:22/", false),
        ("http://*:*", "http://anything.example:8000/", true), ("http://*:*", "http://anything.example:25/", false),
        ("http://*:*", "http://anything.example/", true), ("1.2.3.4", "https://1.2.3.4/", true),
        ("[2001:db8::1]:99", "https://[2001:db8::1]:99/", true), ("[2001:db8::1]", "https://[2001:db8::2]/", false),
    ])
    func allowWhatTheySay(_ entry: String, _ url: String, _ expected: Bool) throws {
        #expect(try allows([entry], url) == expected)
        #expect(try !allows([], url))
    }

    @Test(arguments: [
        "", " ", "a b", "A.example.org", "https://", "a.example.org/path", "u@a.example.org", "*.org", "*.", "a.*.org",
        "*a.org",
        "ftp://a.b", "a.b:", "a.b:x", "a.b:0", "a.b:70000", "[::1", "..", "a..b", "http://http://a.b", "ü.de",
    ])
    func whatIsNoHostIsRefused(_ entry: String) {
        #expect(throws: PluginRefusal.self) { try AllowedHosts([entry]) }
    }

    @Test func aPluginWithSuchAManifestIsNotLoaded() {
        let json = #"{"id":"a","version":"1","abi":1,"hosts":["*.org"]}"#
        let error = #expect(throws: PluginRefusal.self) { try PluginManifest(json: Array(json.utf8)) }
        #expect(error?.description.contains("*.org") == true)
        #expect(throws: PluginRefusal.self) { try AllowedHosts((0..<65).map { "h\($0).example.org" }) }
    }
}
