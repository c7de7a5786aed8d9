internal import Errors
internal import Glibc
public import LinuxKernel

/// One container's cgroup, in every hierarchy. Every call looks at the kernel's state; nothing is remembered.
public final class Cgroup: Sendable {
    /// The container's id.
    public let id: String
    /// What was asked for and this kernel cannot do, for the client's warnings.
    public let refusals: [String]
    let tree: CgroupTree
    let features: CgroupFeatures

    init(id: String, tree: CgroupTree, features: CgroupFeatures, refusals: [String] = []) {
        self.id = id
        self.tree = tree
        self.features = features
        self.refusals = refusals
    }

    /// The path for `linux.cgroupsPath` of the runtime specification.
    public var cgroupsPath: String { "\(tree.path)/\(id)" }

    /// Descriptors by which a process joins. The v1 ones are for writing `0` to, by the process itself: a parent that writes a pid
    /// waits for RCU, 8 to 12 ms. On a hybrid machine both kinds are there and both have to be used.
    /// - Throws: `TimberError(.notFound)` when the cgroup is gone.
    public func join() throws -> CgroupJoin {
        do {
            return CgroupJoin(
                tasks: try tree.legacy.map { place in
                    let path = path("tasks")
                    return SharedDescriptor(
                        Descriptor(owning: try retrying("openat", path) { openat(place.raw, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) }))
                },
                directory: try tree.unified.map { SharedDescriptor(try ControlFiles.directory(id, in: $0.raw)) })
        } catch let error as SystemError where error.errno == ENOENT {
            throw TimberError(.notFound, "the cgroup of container \(id) is gone")
        }
    }

    /// Processes in it and in cgroups that the container made below it, as this daemon's pid namespace numbers them, sorted.
    /// - Throws: `SystemError`.
    public func processes() throws -> [Int32] {
        guard let place = processPlace else { return [] }
        var pids: Set<Int32> = []
        try collect(from: id, in: place.raw, depth: 0, into: &pids)
        return pids.sorted()
    }

    /// The hierarchy by which processes are listed and ended: the one that can stop them all at once.
    var processPlace: CgroupTree.Place? {
        tree.unified ?? tree.legacy.first { $0.hierarchy.controllers.contains("freezer") } ?? tree.legacy.first
    }

    func path(_ file: String) -> String { "\(id)/\(file)" }

    /// Reads one of the cgroup's files; nil when the kernel or the machine does not have it.
    func value(_ file: String, of controller: String) throws -> String? {
        guard let place = tree.location(of: controller) else { return nil }
        return try ControlFiles.contentsIfPresent(of: path(file), in: place.raw)
    }

    var exists: Bool {
        tree.places.contains { faccessat($0.raw, id, F_OK, 0) == 0 }
    }

    /// A container that may write cgroups can nest them; how deep and how many is its choice, how far we follow is not.
    private static let maximumDepth = 64
    static let maximumDescendants = 100_000

    private func collect(from name: String, in parent: Int32, depth: Int, into pids: inout Set<Int32>) throws {
        do {
            let directory = try ControlFiles.directory(name, in: parent)
            let list = try ControlFiles.contents(of: "cgroup.procs", in: directory.raw)
            // 0 stands for a process outside of our pid namespace: none of ours.
            for line in list.split(separator: "\n") { if let pid = Int32(line), pid > 0 { pids.insert(pid) } }
            guard depth < Self.maximumDepth else { return }
            for child in try ControlFiles.subdirectories(of: ".", in: directory.raw) {
                try collect(from: child, in: directory.raw, depth: depth + 1, into: &pids)
            }
        } catch let error as SystemError where [ENOENT, ENODEV, EOPNOTSUPP].contains(error.errno) {
            // It went away meanwhile, or is a threaded cgroup, whose processes are listed further up.
        }
    }
}

/// How a process gets into a cgroup.
public struct CgroupJoin: Sendable {
    /// v1: the process writes `0` to each.
    public let tasks: [SharedDescriptor]
    /// v2: for CLONE_INTO_CGROUP; nil where there is no v2 hierarchy.
    public let directory: SharedDescriptor?
}
