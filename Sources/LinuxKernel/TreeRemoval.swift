internal import Glibc

/// Removing a directory with everything below it, however deep, without following a link.
public enum TreeRemoval {
    /// How many directories are held open at once; what lies deeper is first moved up.
    private static let depthLimit = 64

    /// Removes a file or a directory tree; a missing one is no error.
    /// - Parameters:
    ///   - parent: the directory that holds it.
    ///   - name: its name there, one component.
    /// - Throws: `SystemError`; EXDEV when something is mounted in it.
    public static func remove(_ parent: Int32, _ name: BytePath) throws {
        if try removeFile(parent, name) { return }
        let top = try open(parent, name)
        var moved = 0
        while true {
            // Again until nothing is left: what was too deep has been moved here.
            let names = try DirectoryCalls.names(in: top.raw)
            if names.isEmpty { break }
            for name in names { try removeEntry(top.raw, name, top: top.raw, depth: 1, moved: &moved) }
        }
        try DirectoryCalls.remove(parent, name, isDirectory: true)
    }

    private static func removeEntry(_ parent: Int32, _ name: BytePath, top: Int32, depth: Int, moved: inout Int) throws {
        if try removeFile(parent, name) { return }
        if depth > depthLimit { return try moveUp(parent, name, top: top, moved: &moved) }
        let directory = try open(parent, name)
        for name in try DirectoryCalls.names(in: directory.raw) {
            try removeEntry(directory.raw, name, top: top, depth: depth + 1, moved: &moved)
        }
        try DirectoryCalls.remove(parent, name, isDirectory: true)
    }

    /// What is mounted in a tree is not part of it.
    private static func open(_ parent: Int32, _ name: BytePath) throws -> Descriptor {
        try DirectoryCalls.openDirectory(parent, name, resolve: DirectoryCalls.beneath | DirectoryCalls.sameMount)
    }

    private static func moveUp(_ parent: Int32, _ name: BytePath, top: Int32, moved: inout Int) throws {
        while true {
            moved += 1
            do {
                return try DirectoryCalls.rename(parent, name, to: top, BytePath(".timber-removal-\(moved)"))
            } catch let error as SystemError where error.errno == EEXIST || error.errno == ENOTEMPTY || error.errno == ENOTDIR {
                continue
            }
        }
    }

    /// - Returns: false when it is a directory.
    private static func removeFile(_ parent: Int32, _ name: BytePath) throws -> Bool {
        do {
            try DirectoryCalls.remove(parent, name)
            return true
        } catch let error as SystemError where error.errno == ENOENT {
            return true
        } catch let error as SystemError where error.errno == EISDIR {
            return false
        }
    }
}
