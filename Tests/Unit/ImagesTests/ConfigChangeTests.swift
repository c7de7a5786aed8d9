import Errors
import Images
import Testing

@Suite struct ConfigChangeTests {
    private func changed(_ lines: String..., from config: ContainerConfig = ContainerConfig()) throws -> ContainerConfig {
        var config = config
        try ConfigChange.parse(lines).apply(to: &config)
        return config
    }

    @Test func commands() throws {
        #expect(try changed(#"CMD ["a", "b c"]"#).cmd == ["a", "b c"])
        #expect(try changed("cmd echo $HOME 'x'").cmd == ["/bin/sh", "-c", "echo $HOME 'x'"])
        #expect(try changed(#"SHELL ["bash", "-c"]"#, "CMD x y").cmd == ["bash", "-c", "x y"])
        #expect(try changed("CMD [not json").cmd == ["/bin/sh", "-c", "[not json"])
    }

    @Test func entrypointTakesTheOldCommandAway() throws {
        var old = ContainerConfig()
        old.cmd = ["old"]
        #expect(try changed(#"ENTRYPOINT ["e"]"#, from: old).cmd == nil)
        #expect(try changed(#"CMD ["new"]"#, #"ENTRYPOINT ["e"]"#, from: old).cmd == ["new"])
    }

    @Test func environment() throws {
        var old = ContainerConfig()
        old.env = ["PATH=/bin", "A=1", "EMPTY="]
        #expect(try changed("ENV B=2 C=\"x y\" D='$A' E=\\$A", from: old).env.suffix(4) == ["B=2", "C=x y", "D=$A", "E=$A"])
        #expect(try changed("ENV PATH=$PATH:/more", from: old).env.contains("PATH=/bin:/more"))
        #expect(try changed("ENV X=${A}b Y=${NONE:-d} Z=${A:+s} W=${EMPTY:-e}", from: old).env.suffix(4) == ["X=1b", "Y=d", "Z=s", "W=e"])
        #expect(try changed("ENV OLD form of it", from: old).env.last == "OLD=form of it")
        #expect(try changed("ENV A=2", from: old).env.filter { $0.hasPrefix("A=") } == ["A=2"])
    }

    @Test func labelsPortsAndPaths() throws {
        #expect(try changed("LABEL a=b \"c d\"=\"e f\"").labels == ["a": "b", "c d": "e f"])
        #expect(try changed("EXPOSE 80 53/udp 9000-9002/tcp").exposedPorts == ["53/udp", "80/tcp", "9000/tcp", "9001/tcp", "9002/tcp"])
        #expect(try changed(#"VOLUME ["/a", "/b"]"#, "VOLUME /c /d").volumes == ["/a", "/b", "/c", "/d"])
        #expect(try changed("WORKDIR /srv", "WORKDIR sub/../other").workingDir == "/srv/other")
        #expect(try changed("USER 1000:1000", "STOPSIGNAL SIGINT").user == "1000:1000")
        #expect(try changed("ONBUILD RUN make").onBuild == ["RUN make"])
    }

    @Test func healthchecks() throws {
        let check = try #require(
            try changed("HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2h --retries=3 CMD curl -f x").healthcheck)
        #expect(check.test == ["CMD-SHELL", "curl -f x"])
        #expect((check.interval, check.timeout, check.startPeriod, check.retries) == (90_000_000_000, 500_000_000, 7_200_000_000_000, 3))
        #expect(try changed(#"HEALTHCHECK CMD ["a", "b"]"#).healthcheck?.test == ["CMD", "a", "b"])
        #expect(try changed("HEALTHCHECK NONE").healthcheck?.test == ["NONE"])
    }

    @Test func linesAndComments() throws {
        #expect(try changed("# nothing\nENV A=1\\\n  B=2\n\nUSER x").env == ["A=1", "B=2"])
        #expect(try ConfigChange.parse([]).isEmpty)
        #expect(try ConfigChange.parse(["", "  ", "#"]).isEmpty)
    }

    @Test(arguments: [
        "RUN true", "COPY a b", "ENV", "ENV A", "LABEL a=b c", "LABEL =x", "LABEL \"x", "EXPOSE x", "EXPOSE 80-70", "EXPOSE 80/foo",
        "EXPOSE 99999",
        "SHELL bash", "HEALTHCHECK", "HEALTHCHECK CMD", "HEALTHCHECK NONE x", "HEALTHCHECK --interval CMD x",
        "HEALTHCHECK --interval=1 CMD x",
        "HEALTHCHECK --retries=0 CMD x", "HEALTHCHECK --nope=1 CMD x", "HEALTHCHECK --interval=1x CMD x", "ONBUILD ONBUILD RUN x",
        "ONBUILD FROM x",
        "ENV A=${B", "ENV A=${B:?x}", "USER 'x", "\u{0}", "HEALTHCHECK --interval=99999999999999999999h CMD x",
    ])
    func refused(_ line: String) {
        var config = ContainerConfig()
        #expect(throws: TimberError.self) { try ConfigChange.parse([line]).apply(to: &config) }
    }
}
