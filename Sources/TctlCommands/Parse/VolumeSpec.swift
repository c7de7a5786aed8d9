/// `-v [SOURCE:]TARGET[:OPTIONS]`.
enum VolumeSpec: Equatable {
    /// A named volume or a path of the host, in the form that the API takes.
    case bind(String)
    /// An anonymous volume at a path of the container.
    case anonymous(String)

    /// Reads one `-v`; relative paths of the host start with a point.
    /// - Throws: `CommandFailure` (125).
    init(parsing text: String, workingDirectory: () throws -> String) throws {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid volume \(Printable(text)): \(reason)", status: 125) }
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 3 else { throw fail("more than three parts; give [SOURCE:]TARGET[:OPTIONS]") }
        let target = parts.count == 1 ? parts[0] : parts[1]
        if parts.contains("") { throw fail("an empty part; give [SOURCE:]TARGET[:OPTIONS]") }
        guard target.hasPrefix("/") else { throw fail("the path in the container, \(Printable(target)), must start with /") }
        guard parts.count > 1 else {
            self = .anonymous(target)
            return
        }
        var source = parts[0]
        if source.hasPrefix(".") { source = Paths.absolute(source, from: try workingDirectory()) }
        self = .bind(([source] + parts[1...]).joined(separator: ":"))
    }
}

/// Paths as text.
enum Paths {
    /// Makes a path absolute and takes `.` and `..` out of it, as Go's filepath.Abs does.
    static func absolute(_ path: String, from directory: String) -> String {
        let whole = path.hasPrefix("/") ? path : directory + "/" + path
        var segments: [Substring] = []
        for segment in whole.split(separator: "/") where segment != "." {
            if segment == ".." {
                _ = segments.popLast()
            } else {
                segments.append(segment)
            }
        }
        return "/" + segments.joined(separator: "/")
    }
}
