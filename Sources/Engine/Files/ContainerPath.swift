internal import Errors
internal import LinuxKernel

/// A path in a container as a client wrote it.
struct ContainerPath: Sendable, Equatable {
    /// Absolute, without `.`, `..` and doubled slashes.
    let clean: String
    /// Whether it can only mean a directory: it ends with a slash or a dot.
    let isDirectory: Bool
    /// What an archive of it calls it: its last component, `.` when it ends so, `/` for the root.
    let name: String
    /// As it was written, for messages.
    let written: String

    /// - Throws: `TimberError.invalidArgument` for what cannot be a path.
    init(_ text: String) throws {
        if text.isEmpty { throw TimberError(.invalidArgument, "bad parameter: path cannot be empty") }
        if text.utf8.contains(0) || text.utf8.count > 4_000 {
            throw TimberError(.invalidArgument, "bad parameter: path has a NUL or is longer than 4000 bytes")
        }
        written = text
        clean = cleanPath("/" + text) ?? "/"
        let last = text.split(separator: "/").last
        let endsWithDot = last == "." && text.last == "."
        isDirectory = text.hasSuffix("/") || endsWithDot || last == ".."
        name = clean == "/" ? "/" : endsWithDot ? "." : String(clean.split(separator: "/").last ?? "/")
    }

    /// For openat2(2) below the root.
    var path: BytePath { BytePath(clean) }

    /// What members of an archive of the directory begin with, without a slash at the end: empty for the root, so that they begin
    /// with the slash alone, as Docker's clients expect.
    var prefix: [UInt8] { Array((name == "/" ? "" : name).utf8) }
}
