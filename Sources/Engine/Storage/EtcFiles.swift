internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

/// /etc/hostname, /etc/hosts and /etc/resolv.conf as the container sees them.
enum EtcFiles {
    /// Their names.
    static let names = ["hostname", "hosts", "resolv.conf"]

    /// Writes all three into the container's directory.
    /// - Parameters:
    ///   - usesOwnDNS: the name server is Timber's own, which asks the others itself.
    ///   - links: other containers, by address: their names.
    ///   - addresses: the container's own.
    ///   - gateway: what `host-gateway` stands for; read only where it is needed.
    static func write(
        into directory: String, hostname: String, domainname: String, usesOwnDNS: Bool = false,
        links: [(address: String, names: String)] = [], addresses: [String],
        gateway: () throws -> String, host: HostConfig
    ) throws {
        try Files.write(Array("\(hostname)\n".utf8), to: "\(directory)/hostname", mode: 0o644)
        let hosts = try hosts(hostname: hostname, domainname: domainname, links: links, addresses: addresses, gateway: gateway, host)
        try Files.write(Array(hosts.utf8), to: "\(directory)/hosts", mode: 0o644)
        try Files.write(Array(try resolvConf(host, usesOwnDNS: usesOwnDNS).utf8), to: "\(directory)/resolv.conf", mode: 0o644)
    }

    private static func hosts(
        hostname: String, domainname: String, links: [(address: String, names: String)], addresses: [String], gateway: () throws -> String,
        _ host: HostConfig
    ) throws -> String {
        var lines = [
            "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::\tip6-localnet", "ff00::\tip6-mcastprefix",
            "ff02::1\tip6-allnodes", "ff02::2\tip6-allrouters",
        ]
        for extra in host.extraHosts {
            let extra = try ExtraHost(extra)
            lines.append("\(try extra.address ?? gateway())\t\(extra.name)")
        }
        for link in links { lines.append("\(link.address)\t\(link.names)") }
        lines += addresses.map { ownLine($0, hostname: hostname, domainname: domainname) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The line of one of a container's own addresses.
    static func ownLine(_ address: String, hostname: String, domainname: String) -> String {
        "\(address)\t\(domainname.isEmpty ? "" : "\(hostname).\(domainname) ")\(hostname)"
    }

    /// The host's name servers, less those on the host's loopback, which the container cannot reach. There is no public fallback:
    /// see docs/differences.md.
    static func resolvConf(_ host: HostConfig, usesOwnDNS: Bool) throws -> String {
        let ownNetwork = host.networkMode != "host"
        var lines = try Self.lines(of: "/etc/resolv.conf") ?? []
        if ownNetwork, lines.contains(where: { $0.hasPrefix("nameserver 127.0.0.53") }),
            let upstream = try Self.lines(of: "/run/systemd/resolve/resolv.conf")
        {
            lines = upstream
        }
        let words = lines.map { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init) }
        func values(_ key: String) -> [[String]] { words.filter { $0.first == key }.map { Array($0.dropFirst()) } }
        var servers = values("nameserver").compactMap(\.first)
        if ownNetwork { servers.removeAll { $0.hasPrefix("127.") || $0 == "::1" } }
        if !host.dns.isEmpty { servers = host.dns }
        let search = host.dnsSearch.isEmpty ? values("search").last ?? [] : host.dnsSearch.filter { $0 != "." }
        var options = host.dnsOptions.isEmpty ? values("options").last ?? [] : host.dnsOptions
        if usesOwnDNS {
            servers = ["127.0.0.11"]
            // Names of containers have no dots, and are tried as they are.
            if !options.contains(where: { $0.hasPrefix("ndots:") }) { options.append("ndots:0") }
        }
        var result = servers.map { "nameserver \($0)" }
        if !search.isEmpty { result.append("search \(search.joined(separator: " "))") }
        if !options.isEmpty { result.append("options \(options.joined(separator: " "))") }
        return result.joined(separator: "\n") + "\n"
    }

    /// nil when there is no such file.
    private static func lines(of path: String) throws -> [String]? {
        do {
            return String(decoding: try Files.read(path), as: UTF8.self).split(separator: "\n").map(String.init)
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        } catch {
            throw TimberError(.unavailable, "cannot read the host's name servers", cause: error)
        }
    }
}
