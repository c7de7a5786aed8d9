internal import Glibc
internal import LinuxKernel

/// /etc/hosts of a container that runs: the very file that it has, with whatever it has written into it.
enum HostsFile {
    /// A longer one is not what Timber wrote, and is left alone.
    private static let limit = 1 << 20
    private static let newline = UInt8(ascii: "\n")
    private static let tab = UInt8(ascii: "\t")

    /// Changes the file in place, if there is anything to change.
    /// - Parameter change: gets what is in it.
    static func edit(_ path: String, _ change: ([UInt8]) -> [UInt8]) throws {
        do {
            let before = try Files.read(path, limit: limit)
            let after = change(before)
            if after != before { try replace(path, with: after) }
        } catch let error as SystemError where error.errno == EFBIG {}
    }

    /// It is never empty meanwhile, whoever reads it, and whenever the daemon dies.
    private static func replace(_ path: String, with text: [UInt8]) throws {
        let file = try Files.open(path, O_WRONLY)
        var written = 0
        while written < text.count {
            written += try text.withUnsafeBytes { buffer in
                try retrying("write", path) { write(file.raw, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
            }
        }
        try retrying("ftruncate", path) { ftruncate(file.raw, text.count) }
    }

    /// Without some lines and with others, which are added unless they are there.
    static func replacing(_ old: [String], with new: [String], in text: [UInt8]) -> [UInt8] {
        let (old, new) = (Set(old.map { Array($0.utf8) }), new.map { Array($0.utf8) })
        var lines = lines(text).filter { !old.contains($0) }
        lines += new.filter { !lines.contains($0) }
        return joined(lines)
    }

    /// With the addresses that some names have now; names that are not there are not added.
    static func readdressing(_ links: [(address: String, names: String)], in text: [UInt8]) -> [UInt8] {
        let addresses = Dictionary(links.map { (Array($0.names.utf8), Array($0.address.utf8)) }, uniquingKeysWith: { first, _ in first })
        let lines = lines(text).map { line in
            guard let end = line.firstIndex(of: tab), let address = addresses[Array(line[(end + 1)...])] else { return line }
            return address + line[end...]
        }
        return joined(lines)
    }

    private static func lines(_ text: [UInt8]) -> [[UInt8]] {
        var lines = text.split(separator: newline, omittingEmptySubsequences: false).map(Array.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private static func joined(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [newline] } }
}
