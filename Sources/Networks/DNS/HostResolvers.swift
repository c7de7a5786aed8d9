internal import CTimber
internal import Glibc
internal import LinuxKernel

/// The host's name servers, as /etc/resolv.conf has them now: a laptop that moves keeps its containers' DNS.
struct HostResolvers {
    /// resolv.conf(5): MAXNS.
    private static let limit = 3
    private let path: String
    private var stamp: (Int, Int)?
    private var servers: [SocketAddress] = []

    init(path: String = "/etc/resolv.conf") {
        self.path = path
    }

    /// Read again when the file has changed.
    mutating func current() -> [SocketAddress] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            (stamp, servers) = (nil, [])
            return []
        }
        let now = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        if let stamp, stamp == now { return servers }
        // A file that cannot be read has no servers in it; questions are answered with a failure, and it is looked at again.
        guard let text = try? Files.read(path, limit: 1 << 16) else { return [] }
        stamp = now
        servers = Self.parse(text)
        return servers
    }

    static func parse(_ text: [UInt8]) -> [SocketAddress] {
        let lines = text.split(separator: UInt8(ascii: "\n")).prefix(1000)
        let words = lines.map { String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isWhitespace) }
        return Array(
            words.filter { $0.count >= 2 && $0[0] == "nameserver" }.compactMap { SocketAddress(nameServer: String($0[1])) }.prefix(limit))
    }
}
