internal import Errors
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Tar

/// Receives an image archive from a stream: one pass, in any order of members, every member hashed on the way.
struct ArchiveReceiver {
    /// Where temporary files live: the content store's file system.
    let directory: SharedDescriptor
    let limits: ExtractionLimits
    let progress: @Sendable (LoadProgress) -> Void

    /// How many members may be in files, each with a descriptor, until the load ends: the rest of the daemon needs some, too.
    var fileLimit = Self.halfOfTheDescriptors
    /// Called with every piece of the archive, compressed or not; an error ends the work.
    var check: @Sendable () throws -> Void = {}

    /// Members up to this size stay in memory, together up to `memoryLimit`.
    private static let smallMember: Int64 = 64 << 10
    private static let memoryLimit: Int64 = 16 << 20
    /// More members than any real archive has.
    private static let memberLimit = 20_000
    /// PATH_MAX without the terminator.
    private static let targetLimit = 4095
    private static let progressStep: Int64 = 4 << 20

    private static var halfOfTheDescriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return 512 }
        return Int(clamping: limit.rlim_cur / 2)
    }

    /// Reads the archive to its end.
    /// - Parameter stream: none, gzip or zstd compressed tar.
    /// - Throws: `TimberError` that names the member.
    func receive(_ stream: SharedDescriptor) throws -> IngestedArchive {
        var received: Int64 = 0
        var reported: Int64 = 0
        let progress = self.progress
        let observed = ObservedReader(DescriptorReader(stream)) { piece in
            received += Int64(piece.count)
            if received - reported >= Self.progressStep {
                reported = received
                progress(.receiving(bytes: received))
            }
        }
        let decompressed = try DecompressedReader(observed)
        var produced: Int64 = 0
        let (limits, check) = (self.limits, self.check)
        let isCompressed = decompressed.compression != .none
        let checked = ObservedReader(decompressed) { piece in
            produced += Int64(piece.count)
            try check()
            if isCompressed { try limits.check(produced: produced, consumed: received) }
        }
        let tar = TarReader(ReaderChunks(checked))
        var archive = IngestedArchive()
        var inMemory: Int64 = 0
        var files = 0
        var count = 0
        while let entry = try tar.next() {
            count += 1
            if count > Self.memberLimit { throw TimberError(.invalidArgument, "the archive has more than \(Self.memberLimit) members") }
            try receive(entry, tar, into: &archive, inMemory: &inMemory, files: &files)
        }
        try tar.drain()
        if received == 0 { throw TimberError(.invalidArgument, "the archive is empty") }
        progress(.receiving(bytes: received))
        archive.received = received
        return archive
    }

    private func receive(
        _ entry: TarEntry, _ tar: TarReader, into archive: inout IngestedArchive, inMemory: inout Int64, files: inout Int
    ) throws {
        let name = try MemberName.normalised(entry.name)
        switch entry.kind {
        case .directory: return
        case .file:
            archive.links[name] = nil
            archive.members[name] = try content(entry, tar, inMemory: &inMemory, files: &files)
        case .hardLink:
            archive.members[name] = nil
            archive.links[name] = try MemberName.normalised(entry.link)
        case .symbolicLink:
            archive.members[name] = nil
            archive.links[name] = try Self.target(of: entry.link, from: name)
        case .characterDevice, .blockDevice, .fifo:
            throw TimberError(
                .invalidArgument, "the archive's member \"\(entry.shownName)\" is a device or a pipe: this is not an image archive")
        }
    }

    private func content(
        _ entry: TarEntry, _ tar: TarReader, inMemory: inout Int64, files: inout Int
    ) throws -> Blob {
        do {
            if entry.size <= Self.smallMember && inMemory < Self.memoryLimit {
                let bytes = try tar.body(limit: Self.smallMember)
                inMemory += entry.size
                return Blob(
                    name: entry.shownName, digest: .sha256(of: bytes), size: entry.size, storage: .memory(bytes))
            }
            if files >= fileLimit {
                throw TimberError(
                    .invalidArgument, "more than \(fileLimit) large members before it: save its images in several archives")
            }
            files += 1
            let file = try DirectoryCalls.temporaryFile(in: directory.raw)
            var hasher = Digest.Hasher()
            try tar.readBody { piece in
                hasher.update(piece)
                try Transfer.writeFully(file.raw, piece)
            }
            return Blob(
                name: entry.shownName, digest: hasher.digest(), size: entry.size, storage: .file(SharedDescriptor(file)))
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot store the archive's member \"\(entry.shownName)\"", cause: error)
        } catch let error as TimberError {
            throw TimberError(error.code, "the archive's member \"\(entry.shownName)\": \(error)")
        }
    }

    /// A symbolic link's target relative to its own directory, inside the archive.
    private static func target(of link: [UInt8], from name: [UInt8]) throws -> [UInt8] {
        // All of them are kept, and a header may have a megabyte.
        if link.count > targetLimit {
            throw TimberError(
                .invalidArgument,
                "the archive's member \"\(BytePath.printable(name))\" is a link to a name of \(link.count) bytes, more than a path may have"
            )
        }
        let slash = UInt8(ascii: "/")
        var components = name.split(separator: slash).dropLast().map { Array($0) }
        for component in link.split(separator: slash) where !component.elementsEqual(".".utf8) {
            if !component.elementsEqual("..".utf8) {
                components.append(Array(component))
            } else if components.popLast() == nil {
                throw TimberError(
                    .invalidArgument,
                    "the archive's member \"\(BytePath.printable(name))\" is a link out of the archive, to \"\(BytePath.printable(link))\"")
            }
        }
        return Array(components.joined(separator: [slash]))
    }
}
