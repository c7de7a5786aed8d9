import DockerAPI
import Errors
import Foundation
import Testing

@Suite("Wire types")
struct WireTests {
    private func text(_ value: some WireValue) -> String {
        String(decoding: value.json(), as: UTF8.self)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }

    /// What `docker run -it -p 8080:80 -v /a:/b` sends, with Go's nulls.
    private static let create = """
        {"Hostname":"","Tty":true,"OpenStdin":true,"ExposedPorts":{"80/tcp":{}},"Env":null,"Cmd":["sh","-c","x"],"Image":"busybox",
         "Volumes":{"/data":{}},"Entrypoint":null,"OnBuild":null,"Labels":{"a":"b"},"StopTimeout":3,
         "HostConfig":{"Binds":["/a:/b"],"Memory":1048576,"NanoCpus":1500000000,"PidsLimit":null,"Init":true,"ConsoleSize":[24,80],
          "PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}],"81/tcp":null},"CapAdd":"NET_ADMIN","MaskedPaths":[],
          "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"Ulimits":[{"Name":"nofile","Hard":10,"Soft":5}],"Unknown":{"x":1}},
         "NetworkingConfig":{"EndpointsConfig":{"bridge":null,"web":{"Aliases":["db"],"IPAMConfig":{"IPv4Address":"10.0.0.2"}}}}}
        """

    @Test func readsCreateRequest() throws {
        let request = try decode(ContainerCreateRequest.self, Self.create)
        #expect(request.config.tty)
        #expect(request.config.exposedPorts == ["80/tcp"])
        #expect(request.config.cmd == ["sh", "-c", "x"])
        #expect(request.config.entrypoint == nil)
        #expect(request.config.env == [])
        #expect(request.config.stopTimeout == 3)
        #expect(request.config.volumes == ["/data"])
        #expect(request.hostConfig.binds == ["/a:/b"])
        #expect(request.hostConfig.resources.memory == 1_048_576)
        #expect(request.hostConfig.resources.nanoCPUs == 1_500_000_000)
        #expect(request.hostConfig.resources.pidsLimit == nil)
        #expect(request.hostConfig.resources.ulimits == [Ulimit(name: "nofile", hard: 10, soft: 5)])
        #expect(request.hostConfig.runInit == true)
        #expect(request.hostConfig.portBindings == ["80/tcp": [PortBinding(hostPort: "8080")], "81/tcp": []])
        #expect(request.hostConfig.capAdd == ["NET_ADMIN"])
        #expect(request.hostConfig.maskedPaths == [])
        #expect(request.hostConfig.readonlyPaths == nil)
        #expect(request.networkingConfig.endpointsConfig["web"]?.aliases == ["db"])
        #expect(request.networkingConfig.endpointsConfig["web"]?.ipamConfig?.ipv4Address == "10.0.0.2")
        #expect(request.networkingConfig.endpointsConfig["bridge"] == EndpointSettings())
    }

    @Test func writerAndEncoderAgree() throws {
        let request = try decode(ContainerCreateRequest.self, Self.create)
        let written = try decode(ContainerCreateRequest.self, text(request))
        let encoded = try JSONDecoder().decode(ContainerCreateRequest.self, from: JSONEncoder().encode(request))
        #expect(written == request)
        #expect(encoded == request)
        let left = try JSONSerialization.jsonObject(with: Data(request.json())) as? NSDictionary
        let right = try JSONSerialization.jsonObject(with: JSONEncoder().encode(request)) as? NSDictionary
        #expect(left == right)
    }

    @Test func emptyListsAndMapsLookAsInDocker() {
        let summary = text(ContainerSummary(id: "x", ports: [Port(privatePort: 80)]))
        #expect(summary.contains(#""Ports":[{"PrivatePort":80,"Type":"tcp"}]"#))
        #expect(summary.contains(#""Mounts":[]"#))
        #expect(summary.contains(#""Labels":{}"#))
        #expect(summary.contains(#""HostConfig":{}"#))
        #expect(summary.contains(#""NetworkSettings":{"Networks":{}}"#))
        #expect(!summary.contains("SizeRw"))

        let inspect = text(
            ContainerInspect(networkSettings: NetworkSettings(ports: ["80/tcp": [], "81/udp": [PortBinding(hostPort: "9")]])))
        #expect(inspect.contains(#""Ports":{"80/tcp":null,"81/udp":[{"HostIp":"","HostPort":"9"}]}"#))
        #expect(inspect.contains(#""ExecIDs":null"#))
        #expect(inspect.contains(#""Mounts":[]"#))
        #expect(inspect.contains(#""Cmd":null"#))
        #expect(inspect.contains(#""Volumes":null"#))
        #expect(inspect.contains(#""StartedAt":"0001-01-01T00:00:00Z""#))
        #expect(!inspect.contains("Health"))

        #expect(text(ExecInspect(id: "e")).contains(#""ExitCode":null"#))
        #expect(text(ImageDeleteItem(untagged: "a:1")) == #"{"Untagged":"a:1"}"#)
        #expect(text(ContainersPruneReport()) == #"{"ContainersDeleted":null,"SpaceReclaimed":0}"#)
        #expect(text(ContainerWaitResponse(statusCode: 3)) == #"{"StatusCode":3}"#)
        #expect(text(ErrorResponse(message: "no such container: x")) == #"{"message":"no such container: x"}"#)
    }

    @Test func everyTypeSurvivesItsOwnJSON() throws {
        func roundTrip<Value: WireValue>(_ value: Value) throws {
            #expect(try JSONDecoder().decode(Value.self, from: Data(value.json())) == value)
            #expect(try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value)) == value)
        }
        try roundTrip(ContainerInspect(id: "1", execIDs: ["e"], sizeRw: 4, mounts: [MountPoint(type: "bind", rw: true)]))
        try roundTrip(SystemInfo())
        try roundTrip(SystemVersion(components: [ComponentVersion(name: "Engine", details: ["a": "b"])]))
        try roundTrip(
            ContainerStats(memoryStats: MemoryStats(usage: .max, stats: ["cache": 1]), networks: ["eth0": NetworkStats(rxBytes: 1)]))
        try roundTrip(ImageInspect(id: "sha256:1", rootFS: RootFS(layers: ["sha256:2"])))
        try roundTrip(ProgressMessage(progressDetail: ProgressDetail(current: 1, total: 2), errorDetail: ErrorDetail(message: "x")))
        try roundTrip(EventMessage(actor: EventActor(id: "x", attributes: ["k": "v"]), timeNano: .max))
        try roundTrip(ContainerUpdateRequest(restartPolicy: RestartPolicy(name: "always")))
        try roundTrip([Int64.min, Int64.max, 0, -1])
    }

    @Test func stringsAreEscaped() throws {
        let hostile = "\u{0}\u{1}\u{1F}\"\\\n\r\t/\u{7F}\u{2028}é😀"
        #expect(try decode([String].self, text([hostile])) == [hostile])
        #expect(text("\u{1}\"") == #""\u0001\"""#)
        #expect(try decode([String: String].self, text([hostile: "v"])) == [hostile: "v"])
    }

    @Test(arguments: ["[]", "3", "{\"Tty\":\"yes\"}", "{\"Cmd\":3}", "{\"HostConfig\":{\"Memory\":1e30}}", "{\"HostConfig\":[]}", "{"])
    func wrongShapesAreRefused(json: String) {
        #expect(throws: (any Error).self) { try decode(ContainerCreateRequest.self, json) }
    }

    @Test func thousandContainersAreWrittenFast() {
        let one = ContainerSummary(
            id: String(repeating: "a", count: 64), names: ["/web"], image: "busybox", command: "sh", ports: [Port(privatePort: 80)],
            labels: ["a": "b", "c": "d"],
            networkSettings: NetworkSettingsSummary(networks: ["bridge": EndpointSettings(gateway: "10.0.0.1")]))
        let list = Array(repeating: one, count: 1_000)
        #expect(list.json().count == one.json().count * 1_000 + 1_001)
    }
}
