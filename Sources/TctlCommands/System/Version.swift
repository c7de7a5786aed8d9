internal import ArgumentParser
internal import DockerAPI

/// `version`: of this program and of the daemon.
struct Version: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the versions of tctl and timberd",
        usage: "tctl version [OPTIONS]",
        discussion: """
            Examples:
              tctl version
              tctl version -f '{{.Server.Version}}'
            """
    )
    static let shape = CommandShape(switches: [], values: ["f,format"], arguments: .none)

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?

    func run(in session: Session) throws {
        let client = JSONValue.object([
            JSONMember(key: "Version", value: .string(TimberVersion.text)),
            JSONMember(key: "ApiVersion", value: .string(String(Request.version.dropFirst()))),
            JSONMember(key: "Os", value: .string("linux")), JSONMember(key: "Arch", value: .string(Version.architecture)),
        ])
        let server = Result { try session.client.json(.get("/version")) }
        if let format {
            let template = try Template(parsing: format == "json" ? "{{json .}}" : format)
            let value = JSONValue.object([JSONMember(key: "Client", value: client), JSONMember(key: "Server", value: try server.get())])
            return try Console.print(try template.render(.json(value)) + "\n")
        }
        try Console.print(Version.text("Client: tctl", client))
        // The client's part is worth printing even when nobody answers.
        try Console.print("\n" + Version.text("Server: timberd", try server.get()))
    }

    private static func text(_ title: String, _ value: JSONValue) -> String {
        let rows = [
            ("Version", "Version"), ("API version", "ApiVersion"), ("Minimum API version", "MinAPIVersion"), ("Git commit", "GitCommit"),
            ("Built", "BuildTime"), ("Kernel", "KernelVersion"),
        ]
        var text = title + "\n"
        for (label, key) in rows {
            guard let field = value[key]?.text, !field.isEmpty else { continue }
            text += Version.row(label, TabWriter.cell(field))
        }
        return text + Version.row("OS/Arch", "\(value["Os"]?.text ?? "")/\(value["Arch"]?.text ?? "")")
    }

    private static func row(_ label: String, _ value: String) -> String {
        " \(label):" + String(repeating: " ", count: max(1, 21 - label.count)) + value + "\n"
    }

    private static var architecture: String {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }
}
