internal import CTimber
internal import DockerAPI
internal import Glibc
internal import LinuxKernel

/// Creates a container for `create` and `run`.
struct ContainerCreator {
    let session: Session
    let options: ContainerOptions
    /// The exit status when the daemon refuses: docker's `run` gives 125 then, and `create` 1.
    let refusal: Int32
    /// How many connections are needed once there is a container.
    var connections = 0

    /// - Returns: the container's id.
    /// - Throws: `CommandFailure` with status 125 for wrong flags.
    func create(_ builder: CreateRequestBuilder) throws -> String {
        let pull = options.pull ?? "missing"
        guard ["always", "missing", "never"].contains(pull) else {
            throw CommandFailure("invalid --pull \(Printable(pull)): give always, missing or never", status: 125)
        }
        let request = try builder.build()
        if pull == "always" { try fetch(builder.image) }
        let file = try options.cidfile.map(IDFile.init)
        var query: [(name: String, value: String)] = []
        if let name = options.name { query.append(("name", name)) }
        if let platform = options.platform { query.append(("platform", platform)) }
        do {
            let answer: JSONValue
            do {
                answer = try send(request, query)
            } catch let error as APIError where error.status == 404 && ImageMissing.matches(error) && pull == "missing" {
                Console.note("Unable to find image '\(Printable(ImageMissing.familiar(builder.image)))' locally")
                try fetch(builder.image)
                answer = try send(request, query)
            }
            // Read by hand: a decoder costs the first of each type 0.7 ms, on the way of every run.
            guard let id = answer["Id"]?.text else {
                throw CommandFailure("the daemon's answer is not as the API says: Id: a string was expected")
            }
            for warning in answer["Warnings"]?.elements ?? [] { Console.note("tctl: warning: \(Printable(warning.text ?? ""))") }
            try file?.write(id)
            return id
        } catch let error as APIError {
            file?.discard()
            throw CommandFailure("\(Printable(error.message))", status: refusal)
        } catch let failure as CommandFailure {
            // No daemon, mostly.
            file?.discard()
            throw CommandFailure(failure.message, status: refusal)
        } catch let lost as LostConnection {
            file?.discard()
            throw CommandFailure(lost.description, status: refusal)
        } catch {
            file?.discard()
            throw error
        }
    }
}

extension ContainerCreator {
    private func send(_ request: ContainerCreateRequest, _ query: [(name: String, value: String)]) throws -> JSONValue {
        try session.client.json(
            .post("/containers/create", query: query, body: .json(request.json(capacity: 4096))), connectingAhead: connections)
    }

    private func fetch(_ image: String) throws {
        do {
            try Pull.fetch(image, platform: options.platform, quiet: options.quiet, in: session)
        } catch let error as APIError {
            throw CommandFailure("\(Printable(error.message))", status: refusal)
        } catch let failure as CommandFailure {
            throw CommandFailure(failure.message, status: refusal)
        }
    }
}

/// The image that a request named is not there.
enum ImageMissing {
    /// Docker's words for it; a missing network or container is also 404.
    static func matches(_ error: APIError) -> Bool { error.message.lowercased().contains("no such image") }

    /// The reference as docker prints it: with `:latest` where no tag is.
    static func familiar(_ reference: String) -> String {
        let last = reference.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? reference : reference + ":latest"
    }
}

/// `--cidfile`: must not exist; taken away again when no container comes of it.
final class IDFile {
    private let path: String
    private let descriptor: Descriptor

    init(_ path: String) throws {
        self.path = path
        do {
            descriptor = Descriptor(owning: try retrying("open", path) { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) })
        } catch let error as SystemError {
            let reason = error.errno == EEXIST ? "it exists: another container may use it; remove it or give another path" : error.reason
            throw CommandFailure("--cidfile \(Printable(path)) cannot be made: \(reason)", status: 125)
        }
    }

    func write(_ id: String) throws {
        try Console.write(Array(id.utf8), to: descriptor.raw)
    }

    func discard() {
        unlink(path)
    }
}
