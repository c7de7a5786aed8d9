/// Names of members as keys.
public enum MemberName {
    /// A member's name without `./`, empty components, leading and trailing slashes.
    /// - Throws: `TimberError.invalidArgument` for `..` and names that no file system takes.
    public static func normalised(_ name: [UInt8]) throws -> [UInt8] {
        try MemberPath(name).bytes
    }
}
