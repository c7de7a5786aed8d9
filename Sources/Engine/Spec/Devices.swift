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
        var nodes = DeviceNode.defaults.map { node in
            RuntimeSpec.Device(
                path: node.path, type: node.mode & 0o170000 == 0o060000 ? "b" : "c", major: node.major, minor: node.minor,
                fileMode: node.mode & 0o7777, uid: node.uid, gid: node.gid)
        }
        var extra = try host.resources.devices.map { mapping in
            try node(mapping.pathOnHost, as: mapping.pathInContainer.isEmpty ? mapping.pathOnHost : mapping.pathInContainer)
        }
        if host.privileged { extra += try hostNodes() }
        for device in extra where !nodes.contains(where: { $0.path == device.path }) { nodes.append(device) }
        return nodes
    }

    /// The cgroup's device rules; nil with `--privileged`: no filter.
    static func rules(_ host: HostConfig) throws -> [DeviceRule]? {
        if host.privileged { return nil }
        var rules = DeviceRule.defaults
        for mapping in host.resources.devices {
            let device = try node(mapping.pathOnHost, as: mapping.pathOnHost)
            let access = mapping.cgroupPermissions.isEmpty ? "rwm" : mapping.cgroupPermissions
            rules.append(try DeviceRule(parsing: "\(device.type) \(device.major):\(device.minor) \(access)"))
        }
        for rule in host.resources.deviceCgroupRules { rules.append(try DeviceRule(parsing: rule)) }
        return rules
    }

    private static func node(_ source: String, as path: String) throws -> RuntimeSpec.Device {
        guard let target = cleanPath(path), target.hasPrefix("/dev/") else {
            throw TimberError(.invalidArgument, "invalid device path in the container: \"\(path)\" is not below /dev")
        }
        guard let device = try deviceNode(source, as: target) else {
            throw TimberError(.invalidArgument, "error gathering device information: \"\(source)\" is not a device of the host")
        }
        return device
    }

    private static func deviceNode(_ source: String, as path: String) throws -> RuntimeSpec.Device? {
        var status = stat()
        do {
            try retrying("stat", source) { stat(source, &status) }
        } catch let error as SystemError {
            throw TimberError(.invalidArgument, "error gathering device information for \"\(source)\"", cause: error)
        }
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

    private static func hostNodes() throws -> [RuntimeSpec.Device] {
        guard let directory = opendir("/dev") else { throw SystemError(call: "opendir", errno: timber_errno(), what: "/dev") }
        defer { closedir(directory) }
        var nodes: [RuntimeSpec.Device] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            // /dev/console and /dev/ptmx are the container's own.
            guard entry.pointee.d_type == 2 || entry.pointee.d_type == 6, name != "console", name != "ptmx" else { continue }
            if let node = try deviceNode("/dev/\(name)", as: "/dev/\(name)") { nodes.append(node) }
        }
        return nodes
    }
}
