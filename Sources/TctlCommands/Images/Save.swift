internal import ArgumentParser
internal import CTimber
internal import Glibc
internal import LinuxKernel

/// `save`: images as an archive.
struct Save: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "save",
        abstract: "Save one or more images to an archive",
        usage: "tctl save [OPTIONS] IMAGE [IMAGE...]",
        discussion: """
            Examples:
              tctl save -o tutorial.tar timber_tutorial:1
              tctl save timber_tutorial:1 | gzip > tutorial.tar.gz
            """
    )
    static let shape = CommandShape(switches: [], values: ["o,output"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file instead of stdout", valueName: "file"), completion: .file())
    var output: String?
    @Option(help: ArgumentHelp("Save one platform only, as os[/arch[/variant]]", valueName: "platform"))
    var platform: String?
    @Argument(help: "Names or ids of images", completion: .images)
    var images: [String]

    func run(in session: Session) throws {
        try ArchiveOutput.refuseTerminal(output)
        var query = images.map { (name: "names", value: $0) }
        if let platform { query.append(("platform", try Platform.json(platform))) }
        let exchange = try session.client.open(.get("/images/get", query: query))
        try ArchiveOutput.write(exchange, to: output, display: ProgressDisplay(isShown: Terminal.isTerminal(STDERR_FILENO)))
    }
}

/// What exists already and is no regular file, `/dev/null` or a FIFO: written to, never replaced.
enum SpecialFile {
    /// - Returns: nil when there is nothing of that name, or a regular file.
    static func open(_ path: String) throws -> Descriptor? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return nil }
        do {
            return Descriptor(owning: try retrying("open", path) { Glibc.open(path, O_WRONLY | O_CLOEXEC) })
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be written: \(error.reason)")
        }
    }
}

/// A file that appears under its name only when it is complete.
final class ReplacedFile {
    private let path: String
    private let temporary: String
    private let descriptor: Descriptor
    private var isCommitted = false

    /// The number to write to.
    var raw: Int32 { descriptor.raw }

    init(_ path: String) throws {
        self.path = path
        temporary = "\(path).\(getpid()).part"
        do {
            descriptor = Descriptor(
                owning: try retrying("open", temporary) { [temporary] in open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be written: \(error.reason)")
        }
    }

    func commit() throws {
        do {
            try retrying("rename", path) { rename(temporary, path) }
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be written: \(error.reason)")
        }
        isCommitted = true
    }

    deinit {
        if !isCommitted { unlink(temporary) }
    }
}
