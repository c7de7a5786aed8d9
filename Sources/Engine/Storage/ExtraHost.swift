internal import Errors
internal import Glibc

/// One `--add-host`: `name:address`, the address IPv4, IPv6 (in brackets or not) or `host-gateway`.
struct ExtraHost: Equatable {
    let name: String
    /// nil: the bridge's gateway, by which the container reaches the host.
    let address: String?

    /// - Throws: `TimberError.invalidArgument`: what is no name and no address would be a line of its own in /etc/hosts.
    init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "#") }) else {
            throw TimberError(.invalidArgument, "bad format for --add-host: \"\(text)\": expected name:address")
        }
        name = String(parts[0])
        if parts[1] == "host-gateway" {
            address = nil
            return
        }
        let bare = parts[1].hasPrefix("[") && parts[1].hasSuffix("]") ? parts[1].dropFirst().dropLast() : parts[1]
        var bytes = in6_addr()
        guard inet_pton(AF_INET, String(bare), &bytes) == 1 || inet_pton(AF_INET6, String(bare), &bytes) == 1 else {
            throw TimberError(.invalidArgument, "invalid IP address in add-host: \"\(parts[1])\"")
        }
        address = String(bare)
    }
}
