import Confinement
import DockerAPI
import Errors
import LinuxKernel
import Testing

@testable import Engine

@Suite struct SpecBuilderTests {
    private func build(
        uid: UInt32 = 0, sharesHostNetwork: Bool = false, sources: MountSources = MountSources(), _ change: (inout Definition) -> Void
    ) throws -> RuntimeSpec {
        var config = ContainerConfig()
        config.cmd = ["true"]
        var definition = Definition(
            created: .now(), image: "", config: config, host: HostConfig(), mounts: [], network: .bridge, ports: [])
        change(&definition)
        return try SpecBuilder(
            definition: definition, hostname: "oak",
            identity: UserDatabase.Identity(uid: uid, gid: 0, groups: [], home: "/"),
            grant: CapabilityGrant.resolve(add: [], drop: [], privileged: false), security: SecurityOptions(parsing: []),
            sources: sources, etcDirectory: "/etc", cgroupsPath: "/", networkPath: nil,
            sharesHostNetwork: sharesHostNetwork, descriptors: DescriptorLimit(soft: 1024, hard: 4096)
        ).build()
    }

    @Test func namesOfTheHostStay() throws {
        let spec = try build {
            $0.host.utsMode = "host"
            $0.config.domainname = "example.org"
        }
        #expect(spec.hostname == nil && spec.domainname == nil)
        #expect(try build { $0.config.domainname = "example.org" }.domainname == "example.org")
    }

    @Test func sysctlsOfAPeerOnTheHostsNetworkAreTheHosts() throws {
        let joined: (inout Definition) -> Void = {
            $0.network = .container("peer")
            $0.host.sysctls = ["net.ipv4.ip_forward": "1"]
        }
        #expect(throws: TimberError.self) { try build(sharesHostNetwork: true, joined) }
        #expect(try build(joined).linux.sysctl == ["net.ipv4.ip_forward": "1"])
    }

    /// The daemon's own limit is higher than the one that it was started with.
    @Test func descriptorsAreThoseThatTheDaemonWasGiven() throws {
        func limits(_ ulimits: [Ulimit]) throws -> [[UInt64]] {
            try build { $0.host.resources.ulimits = ulimits }.process.rlimits?.map { [$0.soft, $0.hard] } ?? []
        }
        #expect(try limits([]) == [[1024, 4096]])
        #expect(try limits([Ulimit(name: "core", hard: 1, soft: 0)]) == [[0, 1], [1024, 4096]])
        #expect(try limits([Ulimit(name: "nofile", hard: 6, soft: 5)]) == [[5, 6]])
    }

    /// What a volume's options say is added to what the mount says, and never taken away by it.
    @Test func optionsOfVolumesAreKept() throws {
        var sources = MountSources()
        sources.byDestination["/d"] = MountSources.Source(path: "/srv", options: ["ro", "nodev"], isRecursive: false)
        let spec = try build(sources: sources) {
            $0.mounts = [MountSpec(kind: .volume, source: "", volume: "data", destination: "/d")]
        }
        let mount = try #require(spec.mounts.first { $0.destination == "/d" })
        #expect(mount.source == "/srv" && mount.options == ["bind", "rprivate", "rw", "ro", "nodev"])
    }

    /// `ro` of a mount with others below it is said of the top alone.
    @Test(arguments: [
        (false, nil, true, "rw"), (true, nil, true, "rro"), (true, true, true, "ro"), (true, nil, false, "ro"),
    ])
    func depthOfReadOnlyMounts(_ readOnly: Bool, _ writableBelow: Bool?, _ recursive: Bool, _ option: String) throws {
        let spec = try build {
            $0.mounts = [
                MountSpec(
                    kind: .bind, source: "/srv", destination: "/d", readOnly: readOnly, writableBelow: writableBelow, recursive: recursive)
            ]
        }
        let mount = try #require(spec.mounts.first { $0.destination == "/d" })
        #expect(mount.options == [recursive ? "rbind" : "bind", "rprivate", option])
    }

    @Test func onlyRootHoldsCapabilities() throws {
        let root = try build { _ in }.process.capabilities
        #expect(root.effective == root.bounding && root.permitted == root.bounding && !root.bounding.isEmpty)
        let user = try build(uid: 1000) { _ in }.process.capabilities
        #expect(user.bounding == root.bounding && user.effective.isEmpty && user.permitted.isEmpty)
    }

    @Test func nothingIsMountedInADevOfTheUsers() throws {
        let spec = try build { $0.mounts = [MountSpec(kind: .bind, source: "/dev", destination: "/dev")] }
        #expect(spec.mounts.map(\.destination).filter { $0.hasPrefix("/dev") } == ["/dev"])
    }

    @Test func devicesOfADirectory() throws {
        // The host's own: nobody has to make nodes for the test.
        let nodes = try build { definition in
            definition.host.resources.devices = [DeviceMapping(pathOnHost: "/dev", pathInContainer: "/dev/all")]
        }.linux.devices.map(\.path)
        #expect(nodes.contains("/dev/all/null") && nodes.contains("/dev/null"))
        #expect(!nodes.contains { $0.hasPrefix("/dev/all/pts/") || $0 == "/dev/all/console" })
        let error = #expect(throws: TimberError.self) {
            try build { $0.host.resources.devices = [DeviceMapping(pathOnHost: "/proc/self/task", pathInContainer: "/dev/x")] }
        }
        #expect(error?.message.contains("not a device") == true)
    }
}

@Suite struct EnvironmentTests {
    @Test func keepsTheOrderAndReplacesInPlace() {
        var environment = Environment(["A=1", "B=2", "A=3", "C", "B", "=x", "D=a=b"])
        #expect(environment.variables == ["A=3", "=x", "D=a=b"])
        environment.set("B=4")
        #expect(environment.variables == ["A=3", "=x", "D=a=b", "B=4"])
        #expect(environment["A"] == "3" && environment["D"] == "a=b" && environment["C"] == nil && environment["B"] == "4")
    }

    /// Each one compared with each other one would take hours.
    @Test(.timeLimit(.minutes(5))) func manyVariables() {
        let many = (0..<50_000).map { "VARIABLE\($0)=x" }
        var environment = Environment(many)
        for variable in many { environment.set(variable) }
        #expect(environment.variables.count == 50_000)
    }

    @Test func moreThanAPlanHoldsIsRefused() throws {
        var config = ContainerConfig()
        config.cmd = ["true"]
        config.env = (0..<100_000).map { "VARIABLE\($0)=x" }
        let definition = Definition(
            created: .now(), image: "", config: config, host: HostConfig(), mounts: [], network: .bridge, ports: [])
        let error = #expect(throws: TimberError.self) { try LaunchPlan.checkSize(definition) }
        #expect(error?.code == .invalidArgument && error?.message.contains("1048576") == true)
    }
}

@Suite struct ExtraHostTests {
    @Test func addresses() throws {
        #expect(try ExtraHost("a:192.0.2.1").address == "192.0.2.1")
        #expect(try ExtraHost("a:2001:db8::1").address == "2001:db8::1")
        #expect(try ExtraHost("a:[2001:db8::1]").address == "2001:db8::1")
        #expect(try ExtraHost("a:host-gateway").address == nil)
    }

    @Test(arguments: ["", "a", ":192.0.2.1", "a:", "a:b", "a b:192.0.2.1", "a\n:192.0.2.1", "a:192.0.2.1\n192.0.2.2 b", "a:host"])
    func others(_ text: String) {
        #expect(throws: TimberError.self) { try ExtraHost(text) }
    }
}
