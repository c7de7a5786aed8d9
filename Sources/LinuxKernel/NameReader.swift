internal import CTimber
internal import Glibc

/// Reads the names in a directory, without `.` and `..`, some at a time: a directory of millions does not have to fit into memory.
public final class NameReader {
    /// So many at a time take a few megabytes.
    public static let batch = 1 << 14

    private let stream: OpaquePointer

    /// - Throws: `SystemError`.
    public init(_ directory: Int32) throws {
        // A new open file description: fdopendir takes the descriptor over, and reading must not move the caller's offset.
        let own = try DirectoryCalls.openDirectory(directory, BytePath(".")).release()
        guard let stream = fdopendir(own) else {
            let error = timber_errno()
            close(own)
            throw SystemError(call: "fdopendir", errno: error)
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// - Returns: the next names in no particular order, `limit` at the most; none at the end.
    /// - Throws: `SystemError`.
    public func next(_ limit: Int = NameReader.batch) throws -> [BytePath] {
        var names: [BytePath] = []
        while names.count < limit {
            timber_clear_errno()
            guard let entry = readdir(stream) else {
                let error = timber_errno()
                if error != 0 { throw SystemError(call: "readdir", errno: error) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { $0 } }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            if let name = BytePath(name) { names.append(name) }
        }
        return names
    }

    /// Hands out all names: a directory that is not very large in the order of its names, a larger one in parts that are.
    /// - Throws: `SystemError`; what `body` throws.
    public static func forEach(in directory: Int32, _ body: (BytePath) throws -> Void) throws {
        var reader: NameReader? = try NameReader(directory)
        while let names = try reader?.next(), !names.isEmpty {
            // Open no longer than needed: trees are deep.
            if names.count < batch { reader = nil }
            for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) { try body(name) }
        }
    }
}
