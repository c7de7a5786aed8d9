/// One end of `cp`.
enum CopyEnd: Equatable {
    /// A file of this machine, `-` for standard input or output.
    case local(String)
    /// A file of a container.
    case container(String, path: String)

    /// Reads `CONTAINER:PATH`; absolute paths and those that begin with a dot are local, whatever colons they have.
    init(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if text.hasPrefix("/") || parts.count < 2 || text.hasPrefix(".") {
            self = .local(text)
        } else {
            self = .container(String(parts[0]), path: String(parts[1]))
        }
    }
}

/// Paths as text, with the meaning that `cp` gives to a slash or a dot at the end (Go's path/filepath and moby's pkg/archive).
enum CopyPath {
    /// Without `.`, `..` inside, doubled slashes and slashes at the end; `.` for nothing.
    static func clean(_ path: String) -> String {
        let isAbsolute = path.hasPrefix("/")
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !isAbsolute {
                parts.append(part)
            }
        }
        let joined = parts.joined(separator: "/")
        return isAbsolute ? "/" + joined : joined.isEmpty ? "." : joined
    }

    /// The last component; `/` for the root, `.` for nothing.
    static func base(_ path: String) -> String {
        if path.isEmpty { return "." }
        return path.split(separator: "/").last.map(String.init) ?? "/"
    }

    /// Whether it says "the content of the directory": its last component is a dot.
    static func endsWithDot(_ path: String) -> Bool { base(path) == "." }

    /// Whether it can only be a directory.
    static func assertsDirectory(_ path: String) -> Bool { path.hasSuffix("/") || endsWithDot(path) }

    /// The directory that holds a path, and its name there; a dot at the end is a name.
    static func split(_ path: String) -> (directory: String, name: String) {
        let cleaned = clean(path)
        if endsWithDot(path) { return (cleaned, ".") }
        guard let slash = cleaned.lastIndex(of: "/") else { return (".", cleaned) }
        let directory = cleaned[..<slash]
        return (directory.isEmpty ? "/" : String(directory), base(cleaned))
    }

    /// What a symbolic link means: its target, from the directory that the link is in.
    static func resolve(_ target: String, from link: String) -> String {
        clean(target.hasPrefix("/") ? target : split(link).directory + "/" + target)
    }

    /// Puts back what `clean` has taken from the end.
    static func keepingEnd(of original: String, _ path: String) -> String {
        var path = path
        if endsWithDot(original) && !endsWithDot(path) { path += path.hasSuffix("/") ? "." : "/." }
        if original.hasSuffix("/") && !path.hasSuffix("/") { path += "/" }
        return path
    }
}

/// What is known of the end that is copied to.
struct CopyTarget: Equatable {
    /// As it was written, links in its last component followed.
    var path: String
    /// What is there; nil: nothing.
    var isDirectory: Bool?
}

/// Where an archive goes and what its first component is called there (moby, `PrepareArchiveCopy`).
struct CopyPlan: Equatable {
    /// The directory to extract into.
    let directory: String
    /// The new name of what is copied; nil: its own.
    let name: String?

    /// Decides.
    /// - Throws: `CommandFailure` in Docker's words for what cannot be.
    init(sourceIsDirectory: Bool, target: CopyTarget) throws {
        let (parent, base) = CopyPath.split(target.path)
        switch target.isDirectory {
        case true?: (directory, name) = (target.path, nil)
        case false? where sourceIsDirectory: throw CommandFailure("cannot copy directory")
        case nil where !sourceIsDirectory && CopyPath.assertsDirectory(target.path): throw CommandFailure("no such directory")
        case false?, nil: (directory, name) = (parent, base)
        }
    }

    /// Another first component for the name of a member.
    /// - Parameter old: what it has now; `/` when members begin with a slash.
    static func rename(_ member: [UInt8], from old: String, to new: String) -> [UInt8] {
        let old = old == "/" ? [] : Array(old.utf8)
        guard member.starts(with: old), member.count == old.count || member[old.count] == UInt8(ascii: "/") else { return member }
        return Array(new.utf8) + member.dropFirst(old.count)
    }
}
