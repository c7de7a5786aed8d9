internal import ArgumentParser
internal import DockerAPI

/// `volume create`.
struct CreateVolume: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a volume",
        usage: "tctl volume create [OPTIONS] [VOLUME]",
        discussion: """
            Examples:
              tctl volume create data
              tctl volume create --label keep=yes
              tctl volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch
              tctl volume create -o type=nfs -o o=addr=10.0.0.1 -o device=:/srv data
            """
    )
    static let shape = CommandShape(switches: [], values: ["d,driver", "o,opt"], arguments: .atMost(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Only local is there", valueName: "driver"))
    var driver: String?
    @Option(help: ArgumentHelp("A label", valueName: "key=value"))
    var label: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("An option of the driver: type=, o=, device=", valueName: "key=value"))
    var opt: [String] = []
    @Argument(help: "The name; without one the volume is anonymous")
    var name: String?

    func run(in session: Session) throws {
        let request = VolumeCreateRequest(
            name: name ?? "", driver: driver ?? "local", driverOpts: KeyValue.map(opt), labels: KeyValue.map(label))
        let volume = try JSONDecoding.read(
            Volume.self, from: try session.client.json(.post("/volumes/create", body: .json(request.json()))))
        try Console.print(volume.name + "\n")
    }
}
