internal import Errors

/// The image's own /etc/passwd and /etc/group, parsed as bytes by us: no NSS, nothing of the container is loaded.
struct UserDatabase: Sendable {
    struct Account: Sendable, Equatable {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var home: String
    }

    struct Group: Sendable, Equatable {
        var name: String
        var gid: UInt32
        var members: [String]
    }

    var accounts: [Account]
    var groups: [Group]

    /// What a process runs as.
    struct Identity: Sendable, Equatable {
        var uid: UInt32
        var gid: UInt32
        var groups: [UInt32]
        var home: String
    }

    /// Parses both files; lines that do not fit passwd(5) or group(5) are passed over, as libc does.
    init(passwd: [UInt8], group: [UInt8]) {
        accounts = Self.lines(passwd).compactMap { fields in
            guard fields.count >= 6, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return Account(name: fields[0], uid: uid, gid: gid, home: fields[5])
        }
        groups = Self.lines(group).compactMap { fields in
            guard fields.count >= 3, let gid = UInt32(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: fields[0], gid: gid, members: members)
        }
    }

    /// Resolves `USER`, `USER:GROUP`, `UID`, `UID:GID` and any mix of them, as Docker does.
    /// - Parameters:
    ///   - user: from the request, else from the image; empty is root.
    ///   - extra: `--group-add`, names or numbers.
    /// - Throws: `TimberError.invalidArgument` for a name that the image's files do not have.
    func resolve(_ user: String, extra: [String]) throws -> Identity {
        let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let wanted = parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "0"
        let account: Account?
        if let uid = UInt32(wanted), uid <= UInt32(Int32.max) {
            account = accounts.first { $0.name == wanted } ?? accounts.first { $0.uid == uid } ?? nil
        } else {
            account = accounts.first { $0.name == wanted }
            if account == nil {
                throw TimberError(.invalidArgument, "unable to find user \(wanted): no matching entries in the image's /etc/passwd")
            }
        }
        let uid = account?.uid ?? UInt32(wanted) ?? 0
        var gid = account?.gid ?? 0
        var supplementary: [UInt32] = []
        if parts.count > 1, !parts[1].isEmpty {
            gid = try groupID(parts[1])
        } else if let account {
            supplementary = groups.filter { $0.members.contains(account.name) }.map(\.gid)
        }
        for group in extra { supplementary.append(try groupID(group)) }
        var seen = Set<UInt32>()
        return Identity(
            uid: uid, gid: gid, groups: supplementary.filter { seen.insert($0).inserted },
            home: account.map { $0.home.isEmpty ? "/" : $0.home } ?? "/")
    }

    private func groupID(_ name: String) throws -> UInt32 {
        if let group = groups.first(where: { $0.name == name }) { return group.gid }
        if let gid = UInt32(name), gid <= UInt32(Int32.max) { return gid }
        throw TimberError(.invalidArgument, "unable to find group \(name): no matching entries in the image's /etc/group")
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
