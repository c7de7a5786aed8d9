internal import ArgumentParser

/// What `inspect` prints, from whichever objects.
struct Inspection {
    let session: Session
    /// A template, or `json`; nil for JSON over several lines.
    let format: String?

    /// Looks objects up and prints them; what is missing is reported after what was found.
    /// - Parameters:
    ///   - names: of the objects.
    ///   - lookup: finds one; nil when there is none.
    ///   - kind: what was looked for, in messages.
    func print(_ names: [String], kind: String, lookup: (String) throws -> JSONValue?) throws {
        let template = try format.flatMap { $0 == "json" ? nil : try Template(parsing: $0) }
        var found: [JSONValue] = []
        var missing: [String] = []
        for name in names {
            if let value = try lookup(name) { found.append(value) } else { missing.append(name) }
        }
        if let template {
            for value in found { try Console.print(try template.render(.json(value)) + "\n") }
        } else {
            let whole = JSONValue.array(found)
            try Console.print((format == nil ? whole.pretty() : whole.compact) + "\n")
        }
        for name in missing { Console.note("tctl: there is no \(kind) \(Printable(name))") }
        if !missing.isEmpty { throw CommandFailure.exit(1) }
    }

    /// A container.
    func container(_ name: String, size: Bool) throws -> JSONValue? {
        try optional(.get(try ContainerPath.make(name, "/json"), query: size ? [("size", "1")] : []))
    }

    /// An image.
    func image(_ name: String) throws -> JSONValue? { try optional(.get(try ImagePath.make(name, "/json"))) }

    /// A network.
    func network(_ name: String) throws -> JSONValue? { try optional(.get(try NetworkPath.make(name))) }

    /// A volume.
    func volume(_ name: String) throws -> JSONValue? {
        try optional(.get(try VolumePath.make(name)))
    }

    private func optional(_ request: Request) throws -> JSONValue? {
        do {
            return try session.client.json(request)
        } catch let error as APIError where error.status == 404 {
            return nil
        }
    }
}

/// `inspect`: containers, images, networks and volumes, whichever has the name first.
struct Inspect: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print everything about containers, images, networks and volumes",
        usage: "tctl inspect [OPTIONS] NAME|ID [NAME|ID...]",
        discussion: """
            Examples:
              tctl inspect web
              tctl inspect -f '{{.State.Status}} {{.NetworkSettings.IPAddress}}' web
              tctl inspect --type image -f '{{json .Config.Env}}' timber_tutorial:1
            """
    )
    static let shape = CommandShape(switches: ["s,size"], values: ["f,format"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(name: .shortAndLong, help: "Print sizes of containers")
    var size = false
    @Option(
        help: ArgumentHelp("Only objects of one type: container, image, network or volume", valueName: "type"),
        completion: .list(types))
    var type: String?
    @Argument(help: "Names or ids", completion: .objects)
    var names: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        if let type, !Self.types.contains(type) {
            throw CommandFailure("invalid --type \(Printable(type)): give \(Self.types.joined(separator: ", "))")
        }
        try inspection.print(names, kind: type ?? "object") { name in
            for candidate in type.map({ [$0] }) ?? Self.types {
                if let found = try find(name, candidate, inspection) { return found }
            }
            return nil
        }
    }

    /// In the order in which they are tried.
    private static let types = ["container", "image", "network", "volume"]

    private func find(_ name: String, _ type: String, _ inspection: Inspection) throws -> JSONValue? {
        switch type {
        case "container": try inspection.container(name, size: size)
        case "image": try inspection.image(name)
        case "network": try inspection.network(name)
        default: try inspection.volume(name)
        }
    }
}

/// `container inspect`.
struct ContainerInspectCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Print everything about containers",
        usage: "tctl container inspect [OPTIONS] CONTAINER [CONTAINER...]")
    static let shape = CommandShape(switches: ["s,size"], values: ["f,format"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(name: .shortAndLong, help: "Print sizes")
    var size = false
    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        try inspection.print(containers, kind: "container") { try inspection.container($0, size: size) }
    }
}

/// `image inspect`.
struct ImageInspectCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Print everything about images", usage: "tctl image inspect [OPTIONS] IMAGE [IMAGE...]")
    static let shape = CommandShape(switches: [], values: ["f,format"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Names or ids of images", completion: .images)
    var images: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        try inspection.print(images, kind: "image") { try inspection.image($0) }
    }
}
