internal import CTimber
internal import Cgroups
internal import Confinement
internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

/// The device nodes of a container and the rules that let it use them.
enum Devices {
    /// The default nodes and those of `--device`; with `--privileged`, every node below the host's /dev.
    /// - Throws: `TimberError.invalidArgument` for a path that is no device.
    static func nodes(_ host: HostConfig) throws -> [RuntimeSpec.Device] {
        var result = DeviceNode.defaults.map { node in
            RuntimeSpec.Device(
                path: node.path, type: node.mode & 0o170000 == 0o060000 ? "b" : "c", major: node.major, minor: node.minor,
                fileMode: node.mode & 0o7777, uid: node.uid, gid: node.gid)
        }
        var extra = try host.resources.devices.flatMap(nodes)
        if host.privileged { extra += try nodes(below: "/dev", as: "/dev") }
        var known = Set(result.map(\.path))
        for device in extra where known.insert(device.path).inserted { result.append(device) }
        return result
    }

    /// The cgroup's device rules; nil with `--privileged`: no filter.
    static func rules(_ host: HostConfig) throws -> [DeviceRule]? {
        if host.privileged { return nil }
        var rules = DeviceRule.defaults
        for mapping in host.resources.devices {
            for device in try nodes(mapping) {
                rules.append(try DeviceRule(parsing: "\(device.type) \(device.major):\(device.minor) \(access(mapping))"))
            }
        }
        for rule in host.resources.deviceCgroupRules { rules.append(try DeviceRule(parsing: rule)) }
        return rules
    }

    /// What can be known to be wrong before the start. Whether the host has a device, only the start knows.
    static func check(_ resources: Resources) throws {
        for mapping in resources.devices {
            _ = try target(mapping)
            _ = try DeviceRule(parsing: "c 1:3 \(access(mapping))")
        }
        for rule in resources.deviceCgroupRules { _ = try DeviceRule(parsing: rule) }
    }

    private static func access(_ mapping: DeviceMapping) -> String {
        mapping.cgroupPermissions.isEmpty ? "rwm" : mapping.cgroupPermissions
    }

    /// Where it is in the container.
    private static func target(_ mapping: DeviceMapping) throws -> String {
        let path = mapping.pathInContainer.isEmpty ? mapping.pathOnHost : mapping.pathInContainer
        guard let target = cleanPath(path), target.hasPrefix("/dev/") else {
            throw TimberError(.invalidArgument, "invalid device path in the container: \"\(path)\" is not below /dev")
        }
        return target
    }

    /// One `--device`: a device, or a directory with all devices below it.
    private static func nodes(_ mapping: DeviceMapping) throws -> [RuntimeSpec.Device] {
        let source = mapping.pathOnHost
        let target = try Self.target(mapping)
        var status = stat()
        do {
            try retrying("stat", source) { stat(source, &status) }
        } catch let error as SystemError {
            throw TimberError(.invalidArgument, "error gathering device information for \"\(source)\"", cause: error)
        }
        if let device = device(status, as: target) { return [device] }
        let found = status.st_mode & S_IFMT == S_IFDIR ? try nodes(below: source, as: target) : []
        if found.isEmpty {
            throw TimberError(.invalidArgument, "error gathering device information: \"\(source)\" is not a device of the host")
        }
        return found
    }

    private static func device(_ status: stat, as path: String) -> RuntimeSpec.Device? {
        let type: String
        switch status.st_mode & S_IFMT {
        case S_IFCHR: type = "c"
        case S_IFBLK: type = "b"
        default: return nil
        }
        return RuntimeSpec.Device(
            path: path, type: type, major: timber_major(UInt64(status.st_rdev)), minor: timber_minor(UInt64(status.st_rdev)),
            fileMode: status.st_mode & 0o7777, uid: status.st_uid, gid: status.st_gid)
    }

    /// What is a file system of its own in every container, and what other runtimes keep below /dev.
    private static let passedOver: Set<String> = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]

    /// All devices below a directory of the host; links are not followed.
    private static func nodes(below source: String, as path: String, depth: Int = 0) throws -> [RuntimeSpec.Device] {
        guard depth < 16 else { throw TimberError(.invalidArgument, "\"\(source)\" is nested too deep to be a directory of devices") }
        var result: [RuntimeSpec.Device] = []
        // /dev/console and /dev/ptmx are the container's own.
        for name in try Tree.names(source).sorted() where name != "console" && name != "ptmx" {
            var status = stat()
            // A device that has just been taken away.
            guard lstat("\(source)/\(name)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                guard !passedOver.contains(name) else { continue }
                result += try nodes(below: "\(source)/\(name)", as: "\(path)/\(name)", depth: depth + 1)
            } else if let device = device(status, as: "\(path)/\(name)") {
                result.append(device)
            }
        }
        return result
    }
}
