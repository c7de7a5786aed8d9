import Testing

@testable import TctlCommands

@Suite struct FlagReaderTests {
    private let shape = CommandShape(
        switches: ["i,interactive", "t,tty", "d,detach", "rm", "sig-proxy=true"], arguments: .atLeast(1), stopsAtFirstArgument: true,
        hasShortHelp: false)

    private func canonical(_ words: String...) throws -> [String] {
        let reader = FlagReader(words, shape: shape)
        if let problem = reader.problem { throw problem }
        return reader.canonical
    }

    @Test func bundlesAreTakenApart() throws {
        #expect(try canonical("-itd", "busybox") == ["--interactive", "--tty", "--detach", "--", "busybox"])
        #expect(try canonical("-itp", "80:80", "busybox") == ["-p=80:80", "--interactive", "--tty", "--", "busybox"])
        #expect(try canonical("-dp80:80", "busybox") == ["-p=80:80", "--detach", "--", "busybox"])
        #expect(try canonical("-p=80:80", "busybox") == ["-p=80:80", "--", "busybox"])
    }

    @Test func switchesTakeTruthValuesAndTheLastOneCounts() throws {
        #expect(try canonical("--rm", "--rm=false", "x") == ["--", "x"])
        #expect(try canonical("--rm=false", "--rm", "x") == ["--rm", "--", "x"])
        #expect(try canonical("--sig-proxy=false", "x") == ["--no-sig-proxy", "--", "x"])
        #expect(try canonical("-d=0", "x") == ["--", "x"])
        #expect(throws: CommandFailure.self) { try canonical("-d=maybe", "x") }
    }

    @Test func everythingBehindTheImageBelongsToTheCommand() throws {
        #expect(try canonical("--rm", "busybox", "ls", "-l", "--rm") == ["--rm", "--", "busybox", "ls", "-l", "--rm"])
        #expect(try canonical("--", "busybox", "--", "-x") == ["--", "busybox", "--", "-x"])
        #expect(try canonical("busybox", "--", "x") == ["--", "busybox", "--", "x"])
    }

    @Test func valuesMayLookLikeFlagsAndMayBeEmpty() throws {
        #expect(try canonical("-e", "-x", "busybox") == ["-e=-x", "--", "busybox"])
        #expect(try canonical("--entrypoint=", "busybox") == ["--entrypoint", "", "--", "busybox"])
        #expect(try canonical("--entrypoint", "", "busybox") == ["--entrypoint", "", "--", "busybox"])
        #expect(try canonical("--env=A=B=C", "busybox") == ["--env=A=B=C", "--", "busybox"])
    }

    @Test func missingValueIsAUsageError() {
        let problem = FlagReader(["-itp"], shape: shape).problem
        #expect(problem?.status == 125)
        #expect(problem?.message == "flag -p needs a value")
    }

    @Test func flagsMayFollowArgumentsWhereTheCommandAllowsIt() {
        let reader = FlagReader(["a", "-t", "3", "b"], shape: CommandShape(switches: [], arguments: .atLeast(1)))
        #expect(reader.canonical == ["-t=3", "--", "a", "b"])
    }

    @Test func shortHelpIsHelpExceptWhereItIsTheHostName() throws {
        #expect(FlagReader(["-h"], shape: CommandShape(switches: [], arguments: .none)).wantsHelp)
        #expect(try canonical("-h", "web", "x") == ["-h=web", "--", "x"])
    }
}
