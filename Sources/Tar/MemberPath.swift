internal import Errors
package import LinuxKernel

/// A member's name as a relative path of plain components: `./`, empty components and a leading slash are gone.
package struct MemberPath: Hashable, Sendable {
    /// `a/b/c`; empty for the layer's root.
    package let bytes: [UInt8]
    /// Where the last component starts.
    private let baseStart: Int

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")

    /// Checks and normalises a name.
    /// - Throws: `TimberError.invalidArgument` for `..`, a NUL, or a length that no file system takes.
    package init(_ name: [UInt8]) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.count)
        var start = 0
        for component in name.split(separator: Self.slash) where !component.elementsEqual([Self.dot]) {
            if component.elementsEqual([Self.dot, Self.dot]) { throw Self.invalid(name, "contains \"..\"") }
            if component.count > 255 { throw Self.invalid(name, "has a component longer than 255 bytes") }
            if !bytes.isEmpty { bytes.append(Self.slash) }
            start = bytes.count
            bytes.append(contentsOf: component)
        }
        if bytes.count > 4095 { throw Self.invalid(name, "is longer than 4095 bytes") }
        if bytes.contains(0) { throw Self.invalid(name, "contains a NUL") }
        self.bytes = bytes
        baseStart = start
    }

    private init(validated bytes: [UInt8]) {
        self.bytes = bytes
        baseStart = bytes.lastIndex(of: Self.slash).map { $0 + 1 } ?? 0
    }

    package var isRoot: Bool { bytes.isEmpty }
    package var base: ArraySlice<UInt8> { bytes[baseStart...] }
    package var parent: ArraySlice<UInt8> { bytes[..<max(0, baseStart - 1)] }

    /// For a system call; `.` for the root.
    package var path: BytePath { BytePath.checked(bytes[...]) }
    package var basePath: BytePath { BytePath.checked(base) }

    /// The path of a sibling.
    package func sibling(_ base: ArraySlice<UInt8>) -> MemberPath {
        MemberPath(validated: Array(bytes[..<baseStart]) + base)
    }

    /// Every path from the first component to this one.
    package var prefixes: [MemberPath] {
        var prefixes: [MemberPath] = []
        for (index, byte) in bytes.enumerated() where byte == Self.slash { prefixes.append(MemberPath(validated: Array(bytes[..<index]))) }
        if !isRoot { prefixes.append(self) }
        return prefixes
    }

    /// The directory that holds this path.
    package var parentPath: MemberPath { MemberPath(validated: Array(parent)) }

    private static func invalid(_ name: [UInt8], _ reason: String) -> TimberError {
        TimberError(.invalidArgument, "the name \"\(BytePath.printable(name))\" \(reason)")
    }
}

extension MemberPath: CustomStringConvertible {
    package var description: String { isRoot ? "/" : BytePath.printable(bytes) }
}

extension BytePath {
    /// A path already known to have no NUL; `.` when it is empty.
    static func checked(_ bytes: ArraySlice<UInt8>) -> BytePath {
        let dot = BytePath(".")
        return bytes.isEmpty ? dot : BytePath(bytes) ?? dot
    }
}
