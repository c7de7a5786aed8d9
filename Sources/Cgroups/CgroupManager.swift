internal import Errors
internal import Glibc
internal import LinuxKernel

/// The cgroups of one daemon: one directory of its own in each hierarchy, and in it one for each container.
///
/// It touches nothing outside of that directory, but for handing v2 controllers down to it.
public final class CgroupManager: Sendable {
    /// How the machine mounts its hierarchies.
    public let layout: CgroupLayout
    /// What can be limited here.
    public let features: CgroupFeatures
    private let tree: CgroupTree

    /// Makes the daemon's directories where they are missing.
    /// - Parameters:
    ///   - parent: their path below the mount points, like `timber`. No other daemon may use the same one: `removeOrphans` ends what
    ///     it does not know.
    ///   - layout: nil: read from the running system.
    /// - Throws: `TimberError(.invalidArgument)` for a path that is absolute or leads upwards, `.unavailable` when the hierarchies
    ///   cannot be written.
    public init(parent: String = "timber", layout: CgroupLayout? = nil) throws {
        let layout = try layout ?? .detect()
        self.layout = layout
        tree = try CgroupTree(layout: layout, parent: parent)
        features = try CgroupFeatures(tree: tree)
    }

    /// Checks a path for `init` without touching anything.
    /// - Throws: `TimberError(.invalidArgument)` when it is absolute or leads upwards.
    public static func check(parent: String) throws {
        _ = try CgroupName.components(of: parent)
    }

    /// Makes a container's cgroup and sets its limits.
    ///
    /// An empty one that an earlier run left behind is made anew.
    /// - Parameters:
    ///   - id: the container's id.
    ///   - resources: Docker's values; what is not set is not limited.
    ///   - devices: the device filter's rules, in order; nil: no filter.
    /// - Throws: `TimberError(.invalidArgument)` for an impossible value, `.conflict` when processes run in it, `.unavailable` when the
    ///   kernel refuses.
    public func create(id: String, resources: CgroupResources, devices: [DeviceRule]?) throws -> Cgroup {
        try CgroupName.check(id, what: "container id")
        let (resources, refusals) = try resources.validated(features: features)
        let cgroup = Cgroup(id: id, tree: tree, features: features, refusals: refusals)
        do {
            try cgroup.makeDirectories()
            try cgroup.setLimits(resources)
            if let devices { try cgroup.filterDevices(DeviceFilter(devices)) }
        } catch {
            if (error as? TimberError)?.code != .conflict { try? cgroup.remove() }  // The first error is the one to tell.
            guard let error = error as? SystemError else { throw error }
            throw TimberError(.unavailable, "cannot make the cgroup of container \(id)", cause: error)
        }
        return cgroup
    }

    /// The cgroup of a container that an earlier daemon started.
    /// - Throws: `TimberError(.notFound)` when it is gone.
    public func open(id: String) throws -> Cgroup {
        try CgroupName.check(id, what: "container id")
        let cgroup = Cgroup(id: id, tree: tree, features: features)
        guard cgroup.exists else { throw TimberError(.notFound, "the cgroup of container \(id) is gone") }
        return cgroup
    }

    /// Ends and removes what is in the daemon's directories and belongs to no container. Blocks.
    /// - Parameters:
    ///   - known: ids of containers; theirs are left alone.
    ///   - isOurs: whether a name can be a container's at all; what else is there is somebody's who has the same parent.
    /// - Returns: ids that were removed.
    /// - Throws: the first failure, after all of them were tried.
    public func removeOrphans(known: Set<String>, matching isOurs: (String) -> Bool = { _ in true }) throws -> [String] {
        var found: Set<String> = []
        for place in tree.places { found.formUnion(try ControlFiles.subdirectories(of: ".", in: place.raw)) }
        var removed: [String] = []
        var failure: (any Error)?
        for id in found.subtracting(known).filter(isOurs).sorted() {
            do {
                try CgroupName.check(id, what: "cgroup")
                let cgroup = Cgroup(id: id, tree: tree, features: features)
                try cgroup.kill()
                try cgroup.remove()
                removed.append(id)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return removed
    }

    /// Removes the daemon's own directories; only those without a container in them go.
    /// - Throws: `TimberError(.conflict)` when one is in use.
    public func removeParent() throws {
        for place in tree.places {
            let path = place.hierarchy.mountPoint + tree.path
            if rmdir(path) != 0 && errno != ENOENT {
                throw TimberError(.conflict, "the cgroup \(path) is in use", cause: SystemError(call: "rmdir", errno: errno, what: path))
            }
        }
    }
}
