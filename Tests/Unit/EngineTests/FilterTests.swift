import Errors
import Testing

@testable import Engine

@Suite struct FilterTests {
    @Test(arguments: [
        ("", "anything"), ("oak", "an-oak-tree"), ("^oak$", "oak"), ("^/?oak$", "/oak"), ("o.k", "oak"), ("^(oak|elm)[0-9]+$", "elm12"),
        ("a{2,3}b", "xaab"), ("^a{3}$", "aaa"), ("^a{2,}$", "aaaa"), ("^[^a-f]+$", "xyz"), ("[[:digit:]_]$", "a_"), (#"\d\w\s?$"#, "a1b"),
        (#"^a\.b$"#, "a.b"), ("(?i)OAK", "Oak"), ("^(?i:O)ak$", "oak"), ("^(?:ab)*$", ""), ("^(?:ab)*$", "abab"), ("^(a*)*$", "aaaa"),
        ("x{", "x{"), ("x{,3}", "x{,3}"), ("^[]x]$", "]"), (#"^[\w-]+$"#, "a-b_1"), ("^a+?$", "aaa"), (#"\Aoak\z"#, "oak"), ("|b", "a"),
        ("^[a-]$", "-"), (#"^\D$"#, "x"), ("ä", "bär"),
    ])
    func found(_ expression: String, _ text: String) throws {
        #expect(try Pattern(expression).matches(text))
    }

    @Test(arguments: [
        ("^oak$", "oaks"), ("o.k", "o\nk"), ("a{2}$", "a"), ("^[^a-f]+$", "xa"), (#"^a\.b$"#, "axb"), ("OAK", "oak"), ("(?i:O)AK", "oak"),
        ("(?:(?i)x)y", "XY"), ("^(a|b)$", "ab"), (#"\W"#, "a1_"), ("$^a", "a"),
    ])
    func notFound(_ expression: String, _ text: String) throws {
        #expect(try !Pattern(expression).matches(text))
    }

    @Test(arguments: [
        "[", "[]", "(", ")", "(a", "*", "a**", "a{2,1}", "a{1001}", "(?<n>a)", #"\"#, #"\y"#, "[b-a]", "[[:nope:]]", "(a{1000}){1000}",
        "((((){1000}){1000}){1000}){1000}", String(repeating: "(", count: 200) + String(repeating: ")", count: 200),
    ])
    func noExpression(_ expression: String) {
        #expect(throws: TimberError.self) { try Pattern(expression) }
    }

    /// An engine that tries one way after the other would need longer than the universe has.
    @Test func takesNoLongerForAnyExpression() throws {
        let expression = try Pattern("^" + String(repeating: "(a|a)*", count: 30) + "$")
        #expect(!expression.matches(String(repeating: "a", count: 500) + "b"))
    }

    @Test func classesAreMerged() {
        let set = Pattern.CharacterSet(ranges: [97...99, 48...57, 98...110, 111...111, 120...120, 48...50])
        #expect(set.ranges == [48...57, 97...111, 120...120])
        let inside = (0...200).filter { set.contains($0) }
        #expect(inside == Array(48...57) + Array(97...111) + [120])
        #expect(!Pattern.CharacterSet(ranges: []).contains(0))
        #expect(Pattern.CharacterSet(ranges: [], isNegated: true).contains(0))
        #expect(Pattern.CharacterSet(ranges: [0...UInt32.max, 5...6]).ranges == [0...UInt32.max])
    }

    /// A class with 20,000 ranges, a thousand times, on a text of which every character has to be tried against all of them.
    @Test func largeClassesAreCheap() throws {
        let characters = String(
            String.UnicodeScalarView((0..<20_000).compactMap { Unicode.Scalar(0x4E00 + UInt32($0) * 2) }.filter { $0.value != 0x5D }))
        let expression = try Pattern("^(?:[\(characters)]?){1000}$")
        #expect(!expression.matches(String(repeating: "\u{4E01}", count: 1_000)))
        #expect(expression.matches(String(repeating: "\u{4E02}", count: 500)))
    }

    @Test(arguments: [
        ("bus*:1.?", "busybox:1.2", true), ("bus*x:2", "busybox:1", false), ("*", "a/b", false), ("*/*", "a/b", true),
        ("[ab]*", "busy", true),
        ("[^ab]*", "busy", false), (#"a\*"#, "a*", true), ("a?b", "a/b", false), ("busy", "busybox", false), ("a.b", "axb", false),
    ])
    func pathPatterns(_ pattern: String, _ text: String, _ matches: Bool) throws {
        #expect(try Pattern(glob: pattern).matches(text) == matches)
    }

    @Test func portsOfFilters() {
        #expect(PortRange("8000-8010/udp")?.contains(8010, "udp") == true)
        #expect(PortRange("80")?.contains(80, "tcp") == true && PortRange("80")?.contains(80, "udp") == false)
        for text in ["", "x", "0", "65536", "9-8", "80/", "80/icmp", "1-2-3", "-5", "80 "] { #expect(PortRange(text) == nil, "\(text)") }
    }

    @Test func valuesThatMeanNothing() {
        for values in [["until": ["1h", "2h"]], ["until": ["x"]]] {
            #expect(throws: TimberError.self) { try UntilFilter.time(values) }
        }
        #expect(throws: TimberError.self) { try TruthFilter.value("dangling", ["dangling": ["perhaps"]]) }
        #expect(throws: TimberError.self) { try PatternFilter("name", ["name": ["["]]) }
    }
}
