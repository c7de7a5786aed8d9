import Testing

@testable import TctlCommands

@Suite struct TemplateTests {
    private static let document = """
        {"Name":"/web","Pid":42,"Ratio":1.5,"On":true,"Off":false,"None":null,"Empty":[],"List":["a","b","c"],
         "Labels":{"z":"26","a":"1"},"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"81/tcp":null},
         "Deep":{"Er":{"X":"y"}},"Big":12345678901234567,"Tricky":"<a & b> \\"q\\""}
        """

    private func render(_ template: String) throws -> String {
        try Template(parsing: template).render(.json(try JSONValue(parsing: TemplateTests.document)))
    }

    private static let good: [(String, String)] = [
        ("plain", "plain"), ("", ""), ("{{.Name}}", "/web"), ("a{{ .Pid }}b", "a42b"), ("{{.Ratio}}", "1.5"),
        ("{{.On}} {{.Off}}", "true false"),
        ("{{.List}}", "[a b c]"), ("{{.Labels}}", "map[a:1 z:26]"), ("{{.Deep.Er.X}}", "y"), ("{{.Big}}", "12345678901234567"),
        ("{{.None}}", "<no value>"), ("{{.Cmd}} {{.Sysctls}} {{.Health}}|{{.User}}|", "[] map[] <nil>||"),
        ("{{json .Cmd}} {{len .Cmd}} {{if .Tmpfs}}y{{else}}n{{end}}{{range .Binds}}x{{end}} {{eq .User \"\"}}", "null 0 n true"),
        ("{{.Empty}}", "[]"), ("{{json .List}}", #"["a","b","c"]"#), ("{{json .Tricky}}", #""<a & b> \"q\"""#),
        ("{{json .None}}", "null"), ("{{.Labels | json}}", #"{"z":"26","a":"1"}"#), ("{{ (index .List 1) }}", "b"),
        ("{{index .Labels \"a\"}}", "1"),
        ("{{index .Labels \"nope\"}}", ""), ("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080"),
        ("{{index .Ports \"80/tcp\" 0 | json}}", #"{"HostIp":"0.0.0.0","HostPort":"8080"}"#),
        ("{{$x := .Name}}{{$x}}", "/web"), ("{{$x := 1}}{{$x = 2}}{{$x}}", "2"), ("{{$}}", "skip"), ("{{/* no */}}x", "x"),
        ("{{- /* no */ -}} x", "x"),
        ("a {{- .Pid -}} b", "a42b"), ("{{if .On}}y{{else}}n{{end}}", "y"), ("{{if .Empty}}y{{else}}n{{end}}", "n"),
        ("{{if .Off}}1{{else if .On}}2{{else}}3{{end}}", "2"), ("{{if .Nothing.At.All}}y{{else}}n{{end}}", "n"),
        ("{{with .Deep.Er}}{{.X}}{{end}}", "y"),
        ("{{with .None}}x{{else}}none{{end}}", "none"), ("{{range .List}}<{{.}}>{{end}}", "<a><b><c>"),
        ("{{range .Empty}}x{{else}}empty{{end}}", "empty"),
        ("{{range $i, $e := .List}}{{$i}}{{$e}}{{end}}", "0a1b2c"), ("{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "a=1,z=26,"),
        ("{{range .Labels}}{{.}},{{end}}", "1,26,"), ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
        ("{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"), ("{{range .List}}{{$.Pid}}{{end}}", "424242"),
        ("{{len .List}} {{len .Name}} {{len .Labels}}", "3 4 2"),
        ("{{slice .Name 1}} {{slice .Name 0 2}} {{slice .List 1 2}}", "web /w [b]"),
        ("{{eq .Pid 42}} {{ne .Pid 42}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}", "true false true true false true"),
        ("{{eq .Name \"x\" \"/web\"}}", "true"),
        ("{{and .On .Name}} {{or .Off \"x\"}} {{not .On}}", "/web x false"), ("{{or .Off .Nothing .Name}}", "/web"),
        ("{{join .List \", \"}}", "a, b, c"), ("{{join (split \"a/b\" \"/\") \"-\"}}", "a-b"),
        ("{{lower \"AbC\"}}{{upper \"AbC\"}}{{title \"hello big world\"}}", "abcABCHello Big World"), ("[{{pad \"x\" 2 3}}]", "[  x   ]"),
        ("{{truncate .Name 2}}", "/w"),
        ("{{print 1 2 \"a\" \"b\" 3}}", "1 2a b3".replacing(" b", with: "b")), ("{{println \"a\" 1}}", "a 1\n"),
        ("{{printf \"%s-%d\" .Name .Pid}}", "/web-42"), ("{{.Name | printf \"%10s|%-6s|\" \"x\"}}", "         x|/web  |"),
        (
            "{{printf \"%5.2f %x %X %o %b %c %q %v %t %%\" 3.14159 255 255 8 5 65 \"a\" .List true}}",
            " 3.14 ff FF 10 101 A \"a\" [a b c] true %"
        ),
        ("{{printf \"%05d %+d %-5d|\" 42 42 42}}", "00042 +42 42   |"), ("{{printf \"%d\" \"x\"}}", "%!d(string=x)"),
        ("{{printf \"%d\"}}", "%!d(MISSING)"),
        ("{{printf \"x\" 1}}", "x%!(EXTRA int=1)"), ("{{printf \"%*d\" 5 42}}", "   42"), ("{{`raw\\n`}}", "raw\\n"),
        ("{{\"tab\\tq\\\"\\u00e9\"}}", "tab\tq\"é"), ("{{'a'}}", "97"), ("{{0x10}} {{-5}} {{1_000}}", "16 -5 1000"),
        ("{{\"}}\"}}", "}}"), ("{{if not .Off}}x{{end}}", "x"), ("{{if and (eq .Pid 42) (not .Off)}}x{{end}}", "x"),
        ("{{nil | json}}", "null"),
    ]

    @Test(arguments: good)
    func renders(template: String, text: String) throws {
        let result = try render(template)
        if text != "skip" { #expect(result == text) }
    }

    private static let bad: [String] = [
        "{{", "{{.Name", "{{}}", "{{ }}", "{{.Name}", "{{if}}{{end}}", "{{if .On}}", "{{end}}", "{{else}}",
        "{{if .On}}{{else}}{{else}}{{end}}", "{{range}}{{end}}",
        "{{nope}}", "{{nope .Name}}", "{{.Name .Pid}}", "{{.Nothing}}", "{{.Name.Nothing}}", "{{json}}", "{{json .On .Off}}",
        "{{index .List 3}}", "{{index .List -1}}",
        "{{index .List \"a\"}}", "{{index .Labels 0}}", "{{index}}", "{{index .Pid 1}}", "{{slice .Name 9}}", "{{slice .Name -1}}",
        "{{slice .List 2 1}}", "{{len .Pid}}", "{{lower .Pid}}", "{{join .Name \",\"}}",
        "{{split .List \",\"}}", "{{eq 1}}", "{{lt 1 \"a\"}}", "{{lt .List .List}}", "{{eq 1 \"a\"}}", "{{$x}}", "{{$x = 1}}",
        "{{$a, $b := .List}}", "{{\"abc}}", "{{`abc}}", "{{'ab'}}", "{{'}}", "{{\"\\q\"}}",
        "{{(.Name}}", "{{.Name)}}", "{{|}}", "{{.Name |}}", "{{.Name | | json}}", "{{define \"x\"}}{{end}}", "{{template \"x\"}}",
        "{{block \"x\" .}}{{end}}", "{{range .Name}}{{end}}", "{{range .On}}{{end}}", "{{break}}", "{{continue}}",
        "{{html .Name}}", "{{call .Name}}", "{{printf \"%9999d\" 1}}", "{{printf \"%*d\" 99999 1}}", "{{printf 1}}",
        "{{pad \"x\" 99999999 1}}", "{{pad \"x\" -1 1}}", "{{truncate \"x\" -1}}", "{{range 1000000000}}{{end}}",
        "{{1.2.3}}", "{{12abc}}", "{{.Name@}}", "{{#}}", "{{a:b}}", "{{.List 1}}", "{{not}}", "{{\"a\"\"b\"}}", "{{.Name.Name.Name}}",
        "{{if .Nothing}}{{else}}{{.Nothing}}{{end}}", "{{99999999999999999999999}}x{{index .List 99999999999999999999999}}",
    ]

    @Test(arguments: bad)
    func refuses(template: String) {
        #expect(throws: TemplateError.self) { try render(template) }
    }

    @Test func depthIsBounded() {
        #expect(throws: TemplateError.self) { try render(String(repeating: "{{if .On}}", count: 10_000)) }
        #expect(throws: TemplateError.self) { try render("{{" + String(repeating: "(", count: 10_000) + "}}") }
        #expect(throws: TemplateError.self) { try render("{{if .On}}" + String(repeating: "{{else if .On}}", count: 10_000) + "{{end}}") }
    }

    @Test func workIsBounded() {
        #expect(throws: TemplateError.self) { try render("{{range 1000000}}{{range 1000000}}x{{end}}{{end}}") }
        #expect(throws: TemplateError.self) { try render("{{$s := \"x\"}}{{range 60}}{{$s = print $s $s}}{{end}}{{len $s}}") }
    }

    @Test func noiseDoesNotCrash() {
        let words = [
            "{{", "}}", ".", "$", "(", ")", "|", "range ", "if ", "end", "else", "with ", ":=", "\"", "`", "'", "index ", "1", "-", " ",
            ".List", "\\", "json ", ",", "=", "/*", "*/",
        ]
        var seed: UInt64 = 7
        for _ in 0..<20_000 {
            var template = ""
            for _ in 0..<12 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                template += words[Int(seed >> 33) % words.count]
            }
            _ = try? render(template)
        }
    }

    @Test func errorsSayWhatIsThere() {
        let failure = #expect(throws: TemplateError.self) {
            try Template(parsing: "{{.Nam}}").render(TemplateRow.value(Listing.Row(fields: ["Name": "x", "ID": "y"]), isHeading: false))
        }
        #expect(failure?.description == "--format: there is no field .Nam; there are .ID, .Name")
    }
}
