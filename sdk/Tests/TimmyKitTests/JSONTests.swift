import Testing

@testable import TimmyKit

/// RFC 8259, no more and no less.
@Suite("JSON", .timeLimit(.minutes(5)))
struct JSONTests {
    private func parse(_ text: String) -> JSON? { try? JSON(parsing: text) }

    @Test func values() {
        #expect(parse(" null ") == JSON.null && parse("true") == true && parse("\tfalse\r\n") == false)
        #expect(parse("0") == 0 && parse("-12") == -12 && parse("9223372036854775807") == .integer(.max))
        #expect(parse("-9223372036854775808") == .integer(.min))
        #expect(parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(parse("1.5e3") == 1500.0 && parse("1E-2") == 0.01 && parse("2e+2") == 200.0)
        #expect(parse("[1, [], {}]") == [1, [], [:]])
        #expect(parse("{\"a\":{\"b\":[1,2]},\"c\":\"\"}")?["a"]?["b"]?[1]?.integer == 2)
        #expect(parse("{\"a\":1,\"a\":2}") == ["a": 2])
        #expect(parse("3.0")?.integer == 3 && parse("3.5")?.integer == nil && parse("3")?.number == 3)
        #expect(parse("[1]")?[1] == nil && parse("[1]")?["a"] == nil && parse("1")?[0] == nil)
    }

    @Test func strings() {
        #expect(parse(#""\"\\\/\b\f\n\r\t""#) == "\"\\/\u{8}\u{C}\n\r\t")
        #expect(parse(#""\u00e9 \uD83C\uDFB5 é🎵""#) == "é 🎵 é🎵")
        #expect(parse(#""\uD83C x""#) == "\u{FFFD} x" && parse(#""\uDFB5""#) == "\u{FFFD}")
        #expect(parse(#""\uD83C\u0041""#) == "\u{FFFD}A")
        #expect(parse(#""a\u0000b""#) == "a\0b")
        #expect(
            (try? JSON(parsing: [0x22, 0xFF, 0x22])) == nil && (try? JSON(parsing: [0x22, 0xC0, 0x80, 0x22])) == nil)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "1e999",
        "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\t\"", "1 2",
        "[1]]", "// x\n1", "'a'", "\u{FEFF}1", "--1", "[1}",
    ])
    func isRefused(_ text: String) {
        #expect(throws: Failure.self) { try JSON(parsing: text) }
    }

    @Test func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(parse(nested(64)) != nil && parse(nested(65)) == nil && parse(nested(1_000_000)) == nil)
        let few = JSON.Limits(bytes: 20, depth: 2, values: 4)
        #expect(try JSON(parsing: "[1,2,3]", limits: few) == [1, 2, 3])
        #expect(throws: Failure.self) { try JSON(parsing: "[1,2,3,4]", limits: few) }
        #expect(throws: Failure.self) { try JSON(parsing: "\"0123456789012345678\"", limits: few) }
        #expect(parse(String(repeating: "1", count: 401)) == nil)
    }

    @Test func textsAreStable() {
        let value: JSON = ["b": [1, 2.5, nil, true], "a": "x\"\\\n\u{1}é"]
        #expect(value.text == #"{"a":"x\"\\\n\u0001é","b":[1,2.5,null,true]}"#)
        #expect(JSON.number(.infinity).text == "null" && JSON.number(-0.0).text == "-0.0")
        #expect(parse("-0") == .number(-0.0))
    }

    /// Random values survive their text; random bytes and bent texts are answered, never trapped on.
    @Test func fuzz() throws {
        var random = Seeded(seed: 4_711)
        for _ in 0..<2_000 {
            let value = JSON.random(&random, depth: 4)
            let text = value.text
            #expect(try JSON(parsing: text) == value)
            var bytes = Array(text.utf8)
            for _ in 0..<3 where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array("[]{}\",:\\u0-e".utf8).randomElement(using: &random) ?? 0, at: place)
                }
                // What is still JSON means the same after another round.
                if let bent = try? JSON(parsing: bytes) { #expect(try JSON(parsing: bent.bytes) == bent) }
            }
        }
    }
}

private struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension JSON {
    fileprivate static func random(_ random: inout some RandomNumberGenerator, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(.random(in: .min ... .max, using: &random))
        case 3: return .number(.random(in: -1e9...1e9, using: &random) + 0.125)
        case 4, 5: return .string(text(&random))
        case 6:
            return .array(
                (0..<Int.random(in: 0..<5, using: &random)).map { _ in Self.random(&random, depth: depth - 1) })
        default:
            let pairs = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
                (text(&random), Self.random(&random, depth: depth - 1))
            }
            return .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
        }
    }

    private static func text(_ random: inout some RandomNumberGenerator) -> String {
        let scalars = (0..<Int.random(in: 0..<8, using: &random)).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0..<0x2_0000, using: &random))
        }
        var result = ""
        result.unicodeScalars.append(contentsOf: scalars)
        return result
    }
}
