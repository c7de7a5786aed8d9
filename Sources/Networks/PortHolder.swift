internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

extension NetworkManager {
    /// Finds out who has a port that could not be bound; called after a failure only, so that it may look at every process.
    func explain(_ conflict: PortInUse) -> TimberError {
        let binding = conflict.binding
        let hostAddress = binding.hostAddress ?? .ipv4(.any)
        let address = binding.hostAddress.map { $0 == .ipv4(.any) ? "" : "\($0.withPort):" } ?? ""
        guard conflict.ports.count == 1 else {
            let range = "\(conflict.ports.lowerBound)-\(conflict.ports.upperBound)"
            return TimberError(
                .conflict, "every port of \(address)\(range)/\(binding.transport.rawValue) is already in use, choose another range")
        }
        let port = PublishedPort(
            transport: binding.transport, hostAddress: hostAddress, hostPort: conflict.ports.lowerBound,
            containerPort: binding.containerPort)
        let subject = "port \(address)\(port.hostPort)/\(port.transport.rawValue) is already in use"
        if let twice = conflict.earlier.first(where: { $0.collides(with: port) }) {
            return TimberError(
                .invalidArgument,
                "port \(address)\(port.hostPort)/\(port.transport.rawValue) is asked for twice, for container ports \(twice.containerPort) and \(port.containerPort)"
            )
        }
        if let owner = containerPublishing(port) {
            return TimberError(.conflict, "\(subject) by container \(naming(owner)), publish on another port or stop that container")
        }
        do {
            if let holder = try host.run({ try PortHolder.find(port) }) {
                return TimberError(
                    .conflict, "\(subject) by process \(holder.name) (pid \(holder.pid)), publish on another port or stop it")
            }
        } catch {
            log("cannot find out who has a port", ["port": "\(port.hostPort)", "error": "\(error)"])
        }
        return TimberError(.conflict, "\(subject), publish on another port")
    }

    private func containerPublishing(_ port: PublishedPort) -> String? {
        if let owner = reserved.withLock({ $0.owner(of: port) }) { return owner }
        return networks.withLock { networks in
            networks?.all.values.flatMap(\.attachments.values).first { $0.ports.contains { $0.collides(with: port) } }?.owner
        }
    }
}

/// A process that has a port.
struct PortHolder: Sendable, Equatable {
    var pid: Int32
    var name: String

    /// Searches the calling thread's network namespace, then every process's descriptors.
    static func find(_ port: PublishedPort) throws -> PortHolder? {
        var inodes: Set<String> = []
        for table in [port.transport.rawValue, port.transport.rawValue + "6"] {
            let path = "/proc/thread-self/net/\(table)"
            guard let file = fopen(path, "re") else { continue }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 512)
            while fgets(&line, Int32(line.count), file) != nil {
                let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if let inode = inode(ofLine: text, holding: port) { inodes.insert("socket:[\(inode)]") }
            }
        }
        return inodes.isEmpty ? nil : try process(having: inodes)
    }

    /// A line of /proc/net/tcp or udp: `sl local_address rem_address st … inode`, numbers in hexadecimal.
    static func inode(ofLine line: String, holding port: PublishedPort) -> String? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count > 9 else { return nil }
        let local = fields[1].split(separator: ":")
        guard local.count == 2, UInt16(local[1], radix: 16) == port.hostPort else { return nil }
        // A listening TCP socket (0A), or a UDP socket without a peer (07).
        guard fields[3] == (port.transport == .tcp ? "0A" : "07") else { return nil }
        let isWildcard = local[0].allSatisfy { $0 == "0" }
        guard port.hostAddress.isAny || isWildcard || bytes(ofAddress: local[0]) == port.hostAddress.bytes else { return nil }
        return String(fields[9])
    }

    /// Words of four bytes, each as this machine has it.
    private static func bytes(ofAddress digits: Substring) -> [UInt8] {
        stride(from: 0, to: digits.count, by: 8).flatMap { start -> [UInt8] in
            guard let word = UInt32(digits.dropFirst(start).prefix(8), radix: 16) else { return [] }
            return withUnsafeBytes(of: word) { Array($0) }
        }
    }

    private static func process(having sockets: Set<String>) throws -> PortHolder? {
        guard let processes = opendir("/proc") else { throw SystemError(call: "opendir", errno: errno, what: "/proc") }
        defer { closedir(processes) }
        while let entry = readdir(processes) {
            guard let pid = Int32(decimal: entryName(entry).utf8) else { continue }
            guard let descriptors = opendir("/proc/\(pid)/fd") else { continue }
            defer { closedir(descriptors) }
            while let entry = readdir(descriptors) {
                var target = [CChar](repeating: 0, count: 64)
                let length = readlinkat(dirfd(descriptors), entryName(entry), &target, target.count)
                guard length > 0 else { continue }
                let text = String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if sockets.contains(text) { return PortHolder(pid: pid, name: name(of: pid)) }
            }
        }
        return nil
    }

    private static func name(of pid: Int32) -> String {
        guard let file = fopen("/proc/\(pid)/comm", "re") else { return "?" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, Int32(line.count), file) != nil else { return "?" }
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func entryName(_ entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
    }
}
