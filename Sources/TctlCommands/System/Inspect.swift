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

    private func optional(_ request: Request) throws -> JSONValue? {
        do {
            return try session.client.json(request)
        } catch let error as APIError where error.status == 404 {
            return nil
        }
    }
}

/// `inspect`: containers and images.
struct Inspect: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print everything about containers and images",
        usage: "tctl inspect [OPTIONS] NAME|ID [NAME|ID...]",
        discussion: """
            Examples:
              tctl inspect web
              tctl inspect -f '{{.State.Status}} {{.NetworkSettings.IPAddress}}' web
              tctl inspect --type image -f '{{json .Config.Env}}' timber_tutorial:1
            """
    )
    static let shape = CommandShape(switches: ["s,size"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(name: .shortAndLong, help: "Print sizes of containers")
    var size = false
    @Option(
        help: ArgumentHelp("Only objects of one type: container or image", valueName: "type"), completion: .list(["container", "image"]))
    var type: String?
    @Argument(help: "Names or ids of containers and images", completion: .objects)
    var names: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        guard [nil, "container", "image"].contains(type) else {
            throw CommandFailure("invalid --type \(Printable(type ?? "")): give container or image", status: 125)
        }
        try inspection.print(names, kind: type ?? "object") { name in
            if type != "image", let container = try inspection.container(name, size: size) { return container }
            return type == "container" ? nil : try inspection.image(name)
        }
    }
}

/// `container inspect`.
struct ContainerInspectCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Print everything about containers",
        usage: "tctl container inspect [OPTIONS] CONTAINER [CONTAINER...]")
    static let shape = CommandShape(switches: ["s,size"], arguments: .atLeast(1))

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
    static let shape = CommandShape(switches: [], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Names or ids of images", completion: .images)
    var images: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        try inspection.print(images, kind: "image") { try inspection.image($0) }
    }
}
