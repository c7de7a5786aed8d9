internal import CTimber
internal import Glibc

extension Files {
    /// Whether a path, symbolic links followed, is a directory; nil when it does not exist or cannot be reached.
    public static func isDirectory(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}
