internal import ArgumentParser
internal import DockerAPI

/// `info`: the daemon and its host.
struct Info: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print what the daemon and its host are like",
        usage: "tctl info [OPTIONS]",
        discussion: """
            Examples:
              tctl info
              tctl info -f '{{.Containers}} containers, cgroup v{{.CgroupVersion}}'
            """
    )
    static let shape = CommandShape(switches: [], values: ["f,format"], arguments: .none)

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?

    func run(in session: Session) throws {
        let answer = try session.client.json(.get("/info"))
        if let format {
            let template = try Template(parsing: format == "json" ? "{{json .}}" : format)
            return try Console.print(try template.render(.json(answer)) + "\n")
        }
        try Console.print(Info.text(try JSONDecoding.read(SystemInfo.self, from: answer)))
    }

    static func text(_ info: SystemInfo) -> String {
        var lines = [
            "Containers: \(info.containers)", " Running: \(info.containersRunning)", " Paused: \(info.containersPaused)",
            " Stopped: \(info.containersStopped)", "Images: \(info.images)", "Server Version: \(info.serverVersion)",
            "Storage Driver: \(info.driver)",
        ]
        lines += info.driverStatus.map { " " + $0.joined(separator: ": ") }
        lines += [
            "Logging Driver: \(info.loggingDriver)", "Cgroup Driver: \(info.cgroupDriver)", "Cgroup Version: \(info.cgroupVersion)",
            "Networks: \(info.plugins.network.joined(separator: " "))",
        ]
        if !info.securityOptions.isEmpty { lines += ["Security Options:"] + info.securityOptions.map { "  " + $0 } }
        lines += [
            "Kernel Version: \(info.kernelVersion)", "Operating System: \(info.operatingSystem)", "OSType: \(info.osType)",
            "Architecture: \(info.architecture)", "CPUs: \(info.processors)", "Total Memory: \(Human.binarySize(info.memTotal))",
            "Name: \(info.name)", "ID: \(info.id)", "Root Dir: \(info.dockerRootDir)",
        ]
        lines += info.warnings.map { "WARNING: " + $0 }
        return lines.map { TabWriter.cell($0) + "\n" }.joined()
    }
}
