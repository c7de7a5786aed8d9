import Testing

@testable import Registries

@Suite struct ChallengeTests {
    @Test(
        arguments: [
            (
                #"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#,
                [
                    Challenge(
                        scheme: "bearer",
                        parameters: [
                            "realm": "https://auth.example/token", "service": "registry.example", "scope": "repository:a/b:pull,push",
                        ])
                ]
            ),
            (
                #"Basic realm="x y", Bearer realm = token , , error="a \"b\" c""#,
                [
                    Challenge(scheme: "basic", parameters: ["realm": "x y"]),
                    Challenge(scheme: "bearer", parameters: ["realm": "token", "error": #"a "b" c"#]),
                ]
            ),
            ("BASIC", [Challenge(scheme: "basic")]),
            ("", []),
            (#"Bearer realm="never ends"#, [Challenge(scheme: "bearer")]),
            ("=", []),
            (#"realm="of nobody""#, []),
            ("\u{0}\u{1}", []),
        ] as [(String, [Challenge])])
    func headers(_ text: String, _ expected: [Challenge]) {
        #expect(Challenge.parse([text]) == expected)
    }

    @Test func severalLines() {
        #expect(Challenge.parse(["Basic realm=a", "Bearer realm=b"]).map(\.scheme) == ["basic", "bearer"])
    }

    @Test func aLongHeaderIsNoTrap() {
        let many = (0..<10_000).map { "a\($0)=\($0)" }.joined(separator: ",")
        #expect(Challenge.parse(["Bearer " + many]).first?.parameters.count == 16)
        #expect(Challenge.parse([String(repeating: "a ", count: 10_000)]).count == 16)
    }
}
