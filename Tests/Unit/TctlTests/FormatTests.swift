import DockerAPI
import Testing

@testable import TctlCommands

@Suite struct FormatTests {
    private static let durationWords: [(Int64, String)] = [
        (0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (119, "About a minute"), (120, "2 minutes"),
        (3599, "59 minutes"), (3600, "About an hour"), (5399, "About an hour"), (5400, "2 hours"), (172_799, "2 days"), (172_000, "2 days"),
        (86400, "24 hours"), (86400 * 13, "13 days"), (86400 * 14, "2 weeks"), (86400 * 59, "8 weeks"), (86400 * 60, "2 months"),
        (86400 * 729, "24 months"), (86400 * 730, "2 years"), (-5, "Less than a second"),
    ]

    @Test(arguments: durationWords)
    func durations(seconds: Int64, words: String) {
        #expect(Human.duration(seconds: seconds) == words)
    }

    private static let sizeTexts: [(Int64, String)] = [
        (0, "0B"), (1, "1B"), (999, "999B"), (1000, "1kB"), (1024, "1.02kB"), (1500, "1.5kB"), (74_300_000, "74.3MB"), (999_999, "1000kB"),
        (123_456_789, "123MB"), (1_000_000_000, "1GB"), (Int64.max, "9.22EB"),
    ]

    @Test(arguments: sizeTexts)
    func sizes(bytes: Int64, text: String) {
        #expect(Human.size(bytes) == text)
    }

    @Test func ellipses() {
        #expect(Human.ellipsis("abc", 3) == "abc")
        #expect(Human.ellipsis("abcd", 3) == "ab…")
        #expect(Human.ellipsis("abcd", 1) == "a")
        #expect(Human.ellipsis("ééé", 2) == "é…")
    }

    @Test func quotesAreGos() {
        #expect(Human.quoted("a\"b\\c\n\u{1B}é\u{9B}") == #""a\"b\\c\n\x1bé\u009b""#)
    }

    @Test func tablesAreAligned() {
        let text = "A\tB\tC\nlonger than ten\tx\tlast\n"
        #expect(TabWriter.align(text) == "A                 B         C\nlonger than ten   x         last\n")
        // A line without the column ends the block above it.
        #expect(TabWriter.align("a\tb\nplain\nlonger than ten\tc\n") == "a         b\nplain\nlonger than ten   c\n")
        #expect(TabWriter.align("") == "")
    }

    @Test func cellsCannotBreakTheTable() {
        #expect(TabWriter.cell("a\tb\nc\u{1B}[2J") == "a b c [2J")
    }

    @Test func times() throws {
        #expect(Timestamp(parsing: "1970-01-01T00:00:00Z")?.seconds == 0)
        #expect(Timestamp(parsing: "2026-01-31T13:00:00.123456789+02:00") == Timestamp(seconds: 1_769_857_200, nanoseconds: 123_456_789))
        #expect(Timestamp(parsing: "2000-02-29T00:00:00Z")?.seconds == 951_782_400)
        #expect(Timestamp(parsing: "0001-01-01T00:00:00Z")?.seconds == -62_135_596_800)
        for text in [
            "", "x", "2026", "2026-13-01", "2026-01-32", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
            "2026-01-01x",
        ] {
            #expect(Timestamp(parsing: text) == nil, "\(text)")
        }
    }

    @Test func momentsAreSentAsSeconds() throws {
        let now = Timestamp(seconds: 1000, nanoseconds: 500_000_000)
        #expect(try Timestamp.moment("10s", flag: "--since", now: now) == "990.500000000")
        #expect(try Timestamp.moment("600ms", flag: "--since", now: now) == "999.900000000")
        #expect(try Timestamp.moment("-600ms", flag: "--since", now: now) == "1001.100000000")
        #expect(try Timestamp.moment("12345", flag: "--since", now: now) == "12345")
        #expect(try Timestamp.moment("0", flag: "--since", now: now) == "0")
        #expect(try Timestamp.moment("12345.678", flag: "--since", now: now) == "12345.678")
        #expect(try Timestamp.moment("2026-01-31T11:00:00Z", flag: "--since", now: now) == "1769857200.000000000")
        #expect(throws: CommandFailure.self) { try Timestamp.moment("yesterday", flag: "--since", now: now) }
    }

    private func port(_ container: UInt16, _ host: UInt16 = 0, _ ip: String = "", _ type: String = "tcp") -> Port {
        Port(ip: ip, privatePort: container, publicPort: host, type: type)
    }

    @Test func ports() {
        #expect(PortList.text([]) == "")
        #expect(PortList.text([port(80)]) == "80/tcp")
        #expect(PortList.text([port(80), port(81), port(82), port(90)]) == "80-82/tcp, 90/tcp")
        #expect(PortList.text([port(80, 8080, "0.0.0.0"), port(80, 8080, "::")]) == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
        #expect(PortList.text([port(80, 80, "0.0.0.0"), port(81, 81, "0.0.0.0")]) == "0.0.0.0:80-81->80-81/tcp")
        #expect(PortList.text([port(65535, 65535, "0.0.0.0"), port(65535)]) == "65535/tcp, 0.0.0.0:65535->65535/tcp")
    }

    private let summary = ContainerSummary(
        id: String(repeating: "ab", count: 32), names: ["/web", "/other/alias"], image: "app:1@sha256:00", imageID: "sha256:11",
        command: "python3 -m http.server 8080", created: 1_700_000_000, sizeRw: 1500, labels: ["b": "2", "a.b": "1"], state: "running",
        status: "Up 3 seconds")

    @Test func containerRows() throws {
        let now = Timestamp(seconds: 1_700_000_090)
        let row = ContainerRow.make(summary, now: now, truncates: true)
        #expect(row.fields["ID"] == "abababababab")
        #expect(row.fields["Image"] == "app:1")
        #expect(row.fields["Command"] == "\"python3 -m http.ser…\"")
        #expect(row.fields["RunningFor"] == "About a minute ago")
        #expect(row.fields["Names"] == "web")
        #expect(row.fields["Labels"] == "a.b=1,b=2")
        #expect(row.fields["Size"] == "1.5kB")
        let whole = ContainerRow.make(summary, now: now, truncates: false)
        #expect(whole.fields["Names"] == "web,other/alias")
        #expect(whole.fields["Image"] == "app:1@sha256:00")
    }

    @Test func listingsAreTablesTemplatesOrLines() throws {
        let rows = [ContainerRow.make(summary, now: Timestamp(seconds: 1_700_000_090), truncates: true)]
        let listing = ContainerRow.listing(showsSize: false)
        #expect(try listing.render(rows, format: nil, quiet: true) == "abababababab\n")
        #expect(try listing.render(rows, format: #"table {{.Names}}\t{{.Label "a.b"}}"#, quiet: false) == "NAMES     b\nweb       1\n")
        #expect(try listing.render(rows, format: #"{{.Names}}\t{{upper .State}}"#, quiet: false) == "web\tRUNNING\n")
        #expect(try listing.render(rows, format: "json", quiet: false).hasPrefix(#"{"Command":"\"python3"#))
        #expect(
            try listing.render([], format: nil, quiet: false).hasPrefix(
                "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"))
        #expect(throws: TemplateError.self) { try listing.render(rows, format: "{{.Nothing}}", quiet: false) }
    }

    @Test func imageRowsAreOneForEachName() {
        let now = Timestamp(seconds: 1_700_000_090)
        func names(_ image: ImageSummary, digests: Bool = false) -> [String] {
            ImageRow.make(image, now: now, truncates: true, showsDigests: digests).map {
                "\($0.fields["Repository"] ?? "") \($0.fields["Tag"] ?? "") \($0.fields["Digest"] ?? "")"
            }
        }
        let digest = "a@sha256:00"
        #expect(names(ImageSummary(id: "sha256:0", repoTags: ["a:1", "h:5000/b:2"])) == ["a 1 <none>", "h:5000/b 2 <none>"])
        #expect(names(ImageSummary(id: "sha256:0")) == ["<none> <none> <none>"])
        #expect(names(ImageSummary(id: "sha256:0", repoTags: ["<none>:<none>"])) == ["<none> <none> <none>"])
        #expect(names(ImageSummary(id: "sha256:0", repoDigests: [digest], repoTags: ["a:1"]), digests: true) == ["a 1 sha256:00"])
        #expect(names(ImageSummary(id: "sha256:0", repoDigests: [digest])) == ["a <none> <none>"])
    }

    @Test func publishedPortsAreInOrder() {
        let ports: PortMap = [
            "8080/tcp": [PortBinding(hostIP: "::", hostPort: "1")], "80/udp": [PortBinding(hostIP: "0.0.0.0", hostPort: "2")], "81/tcp": [],
        ]
        #expect(PortCommand.lines(ports) == ["80/udp -> 0.0.0.0:2\n", "8080/tcp -> [::]:1\n"])
    }
}
