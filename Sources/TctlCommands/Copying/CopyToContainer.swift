internal import DockerAPI
internal import Glibc
internal import LinuxKernel
internal import Tar

/// `cp LOCAL CONTAINER:PATH`.
struct CopyToContainer {
    let client: Client
    let container: String
    let takesUser: Bool
    let followsLink: Bool
    let display: ProgressDisplay

    func run(_ source: String, to destination: String) throws {
        let target = try target(destination)
        if source == "-" {
            guard target.isDirectory == true else {
                throw CommandFailure("destination \"\(Printable("\(container):\(destination)"))\" must be a directory")
            }
            if Terminal.isTerminal(STDIN_FILENO) {
                throw CommandFailure("standard input is a terminal: give an archive with < FILE")
            }
            let archive = FileSource(Descriptor(owning: dup(STDIN_FILENO)), name: "standard input")
            return try send(archive, to: target.path)
        }
        let (path, givenName) = try resolved(source)
        let isDirectory = try isDirectory(path, source)
        let plan = try CopyPlan(sourceIsDirectory: isDirectory, target: target)
        let name = plan.name ?? givenName ?? CopyPath.split(path).name
        let archive = try TreeSource { tar in
            let file = try PathHandle(AT_FDCWD, BytePath(path), resolve: 0)
            try TreeArchiver(tar).add(file, as: Array((name == "/" ? "." : name).utf8))
        }
        try send(archive, to: plan.directory)
        display.done("Successfully copied \(Human.size(Int64(archive.count))) to \(Printable("\(container):\(destination)"))")
    }

    private func send(_ archive: any BodySource, to directory: String) throws {
        var query = [(name: "path", value: directory), (name: "noOverwriteDirNonDir", value: "true")]
        if takesUser { query.append((name: "copyUIDGID", value: "true")) }
        let request = Request("PUT", try ContainerPath.make(container, "/archive"), query: query, body: .stream(archive))
        let exchange = try client.begin(request) { display.moved("Copying to container -", $0) }
        display.clear()
        try client.check(exchange)
        _ = try exchange.body()
    }

    /// What the container has there; the copy itself says what is wrong when that is not known.
    private func target(_ destination: String) throws -> CopyTarget {
        let files = ContainerFiles(client: client, container: container)
        do {
            var path = destination
            var stat = try files.stat(path)
            if stat.kind.isSymbolicLink {
                path = CopyPath.resolve(stat.linkTarget, from: path)
                do {
                    stat = try files.stat(path)
                } catch let error as APIError where error.status == 404 {
                    return CopyTarget(path: path, isDirectory: nil)
                }
            }
            guard stat.kind.isDirectory || stat.kind.isRegular else {
                throw CommandFailure(
                    "destination \"\(Printable("\(container):\(destination)"))\" must be a directory or a regular file")
            }
            return CopyTarget(path: path, isDirectory: stat.kind.isDirectory)
        } catch let error as APIError where error.status == 404 {
            return CopyTarget(path: destination, isDirectory: nil)
        }
    }

    /// The file that is meant, and the name that its copy has when that is another.
    private func resolved(_ source: String) throws -> (path: String, name: String?) {
        guard followsLink || source.hasSuffix("/") else { return (source, nil) }
        guard let real = realpath(source, nil) else { return (source, nil) }
        defer { free(real) }
        let path = CopyPath.keepingEnd(of: source, String(cString: real))
        return (path, CopyPath.base(source) == CopyPath.base(path) ? nil : CopyPath.base(source))
    }

    private func isDirectory(_ path: String, _ source: String) throws -> Bool {
        do {
            let file = try PathHandle(AT_FDCWD, BytePath(path), resolve: 0)
            if !file.status.isDirectory, try file.isKernels() {
                throw CommandFailure("\(Printable(source)) is no file but a view of the kernel: give its text on stdin, in an archive")
            }
            return file.status.isDirectory
        } catch let error as SystemError {
            throw CommandFailure("lstat \(Printable(source)): \(error.reason)")
        }
    }
}

/// A tree as an archive that is written as it is read: by a thread, through a pipe.
final class TreeSource: BodySource {
    let length: Int? = nil
    private let pipe: SharedDescriptor
    private let outcome: Outcome
    private var thread: OwnThread?
    /// Bytes so far.
    private(set) var count = 0

    private final class Outcome: @unchecked Sendable {
        // Written by the thread, read after it was joined.
        var error: (any Error)?
    }

    /// Starts writing.
    init(_ write: @escaping @Sendable (TarWriter) throws -> Void) throws {
        let ends = try Pipe(capacity: 1 << 20)
        pipe = SharedDescriptor(ends.readEnd)
        let target = OwnedOnce(ends.writeEnd)
        let outcome = Outcome()
        self.outcome = outcome
        thread = try OwnThread(named: "archive") {
            do {
                // Closed at the end of this scope, and that is the end of the stream.
                let sink = DescriptorSink(SharedDescriptor(try target.take()))
                let tar = TarWriter(sink)
                try write(tar)
                try tar.end()
            } catch {
                outcome.error = error
            }
        }
    }

    func next() throws -> [UInt8] {
        let bytes = try pipe.readSome()
        count += bytes.count
        if !bytes.isEmpty { return bytes }
        thread.take()?.join()
        if let error = outcome.error as? SystemError { throw CommandFailure("\(Printable(error.what)) cannot be read: \(error.reason)") }
        if let error = outcome.error { throw CommandFailure("\(Printable("\(error)"))") }
        return []
    }
}
