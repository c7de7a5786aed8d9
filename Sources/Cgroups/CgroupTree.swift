internal import Errors
internal import Glibc
internal import LinuxKernel

/// The same directory of every hierarchy that is used: the daemon's own, whose children are the containers' cgroups.
///
/// Everything is opened relative to these descriptors with names that were checked, so nothing outside of them is ever touched.
struct CgroupTree: Sendable {
    enum Limits: Sendable {
        /// v1 files.
        case legacy
        /// v2 files.
        case unified
    }

    struct Place: Sendable {
        let hierarchy: CgroupLayout.Hierarchy
        let directory: SharedDescriptor
        var raw: Int32 { directory.raw }
    }

    /// Path below the mount points, with a slash first.
    let path: String
    /// Whose files limits are written to.
    let limits: Limits
    /// v1 hierarchies.
    let legacy: [Place]
    /// The v2 hierarchy: all of it, or on a hybrid machine for killing, freezing and CLONE_INTO_CGROUP only.
    let unified: Place?

    /// Every hierarchy.
    var places: [Place] { legacy + (unified.map { [$0] } ?? []) }

    /// Where a controller's files are.
    func location(of controller: String) -> Place? {
        switch limits {
        case .legacy: legacy.first { $0.hierarchy.controllers.contains(controller) }
        case .unified: unified
        }
    }

    /// Makes the daemon's directories where they are missing.
    init(layout: CgroupLayout, parent: String) throws {
        let components = try CgroupName.components(of: parent)
        path = "/" + components.joined(separator: "/")
        limits = layout.kind == .v2 ? .unified : .legacy
        unified = try layout.hierarchies.first(where: \.isUnified).flatMap { hierarchy in
            let place = Place(hierarchy: hierarchy, directory: try Self.descend(hierarchy, components, delegating: layout.kind == .v2))
            guard layout.kind == .hybrid else { return place }
            // Before Linux 5.14 there is nothing in it that the v1 freezer does not do.
            return faccessat(place.raw, "cgroup.kill", F_OK, 0) == 0 ? place : nil
        }
        let freezesByUnified = unified != nil
        legacy = try layout.hierarchies.filter { !$0.isUnified && !(freezesByUnified && $0.controllers == ["freezer"]) }
            .map { Place(hierarchy: $0, directory: try Self.descend($0, components, delegating: false)) }
    }

    private static func descend(_ hierarchy: CgroupLayout.Hierarchy, _ components: [String], delegating: Bool) throws -> SharedDescriptor {
        var path = hierarchy.mountPoint
        do {
            var directory = try ControlFiles.directory(path)
            for component in components {
                if delegating { try delegateControllers(of: directory.raw, path: path) }
                if mkdirat(directory.raw, component, 0o755) != 0 && errno != EEXIST {
                    throw SystemError(call: "mkdirat", errno: errno, what: "\(path)/\(component)")
                }
                let parent = directory
                directory = try ControlFiles.directory(component, in: parent.raw)
                if hierarchy.controllers.contains("cpuset") { try fillCpuset(directory.raw, from: parent.raw) }
                path += "/" + component
            }
            if delegating { try delegateControllers(of: directory.raw, path: path) }
            return SharedDescriptor(directory)
        } catch let error as SystemError {
            throw TimberError(.unavailable, "cannot use the cgroup hierarchy on \(hierarchy.mountPoint)", cause: error)
        }
    }

    /// v2: children have a controller only when their parent hands it on.
    private static func delegateControllers(of directory: Int32, path: String) throws {
        let available = Set(try ControlFiles.contents(of: "cgroup.controllers", in: directory).trimmed.split(separator: " "))
        let delegated = Set(try ControlFiles.contents(of: "cgroup.subtree_control", in: directory).trimmed.split(separator: " "))
        let missing = Set(["cpu", "cpuset", "io", "memory", "pids"] as [Substring]).intersection(available).subtracting(delegated)
        guard !missing.isEmpty else { return }
        do {
            try ControlFiles.write(missing.sorted().map { "+\($0)" }.joined(separator: " "), to: "cgroup.subtree_control", in: directory)
        } catch let error as SystemError where error.errno == EBUSY {
            throw TimberError(
                .unavailable, "the cgroup \(path) has processes of its own and cannot hand on its controllers: move them to a child cgroup",
                cause: error)
        }
    }

    /// v1: a new cpuset has no processors and no memory, and takes no process. clone_children lets the kernel fill in those below.
    private static func fillCpuset(_ directory: Int32, from parent: Int32) throws {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            guard try ControlFiles.contents(of: file, in: directory).trimmed.isEmpty else { continue }
            let inherited = try ControlFiles.contents(of: file, in: parent).trimmed
            try ControlFiles.write(String(inherited), to: file, in: directory)
        }
        try ControlFiles.write("1", to: "cgroup.clone_children", in: directory)
    }
}
