internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Tar

/// `cp CONTAINER:PATH LOCAL`.
struct CopyFromContainer {
    let client: Client
    let container: String
    let keepsOwners: Bool
    let followsLink: Bool
    let display: ProgressDisplay

    func run(_ source: String, to destination: String) throws {
        let files = ContainerFiles(client: client, container: container)
        var source = source
        var givenName: String?
        if followsLink { (source, givenName) = try follow(source, files) }
        if destination == "-" {
            if Terminal.isTerminal(STDOUT_FILENO) { throw CommandFailure("an archive is not for a terminal: give a path, or redirect") }
            return try ArchiveOutput.copy(try files.archive(source).exchange, to: STDOUT_FILENO)
        }
        try LocalFiles.checkOutput(destination)
        let (exchange, stat) = try files.archive(source)
        let plan = try CopyPlan(sourceIsDirectory: stat.kind.isDirectory, target: try LocalFiles.target(destination))
        let name = plan.name ?? givenName
        let reader = ExchangeReader(exchange) { display.moved("Copying from container -", $0) }
        let directory = try LocalFiles.open(plan.directory)
        let extractor = TreeExtractor(root: directory.raw, options: .init(keepsKinds: true, setsOwner: keepsOwners))
        do {
            let tar = TarReader(ReaderChunks(reader))
            let first = stat.name
            try extractor.extract(tar) { member in name.map { CopyPlan.rename(member, from: first, to: $0) } ?? member }
            try tar.drain()
        } catch let error as TimberError {
            throw CommandFailure("\(Printable(error.description))")
        }
        display.done("Successfully copied \(Human.size(Int64(reader.count))) to \(Printable(destination))")
    }

    /// What a link means, and the name that its copy has all the same.
    private func follow(_ source: String, _ files: ContainerFiles) throws -> (path: String, name: String?) {
        do {
            let stat = try files.stat(source)
            guard stat.kind.isSymbolicLink else { return (source, nil) }
            let target = CopyPath.keepingEnd(of: source, CopyPath.resolve(stat.linkTarget, from: source))
            return (target, CopyPath.base(source) == CopyPath.base(target) ? nil : CopyPath.base(source))
        } catch let error as APIError where error.status == 404 {
            // The copy says so.
            return (source, nil)
        }
    }
}

/// The body of an answer as a stream of bytes.
final class ExchangeReader: ByteReader {
    private let exchange: Exchange
    private let progress: (Int) -> Void
    private var rest: ArraySlice<UInt8> = []
    /// Bytes so far.
    private(set) var count = 0

    init(_ exchange: Exchange, progress: @escaping (Int) -> Void) {
        self.exchange = exchange
        self.progress = progress
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if rest.isEmpty {
            guard case .data(let bytes) = try exchange.step() else { return 0 }
            rest = bytes[...]
            count += bytes.count
            progress(count)
        }
        let piece = rest.prefix(buffer.count)
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return piece.count
    }
}
