import CTimber

/// Paths of the plan under the container's root. The image wrote that tree and other containers may be writing to volumes in it:
/// every path is resolved by the kernel below the root's descriptor, and what is missing is made component by component under
/// directory descriptors (CVE-2021-30465, CVE-2024-45310).
extension Child {
    /// Opens a path below the root, O_PATH, following the image's symlinks inside the root only.
    /// - Returns: the descriptor, or -errno.
    func open(_ path: UnsafePointer<CChar>, _ flags: Int32 = 0, resolve: Int32 = 0) -> Int {
        let how = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve)
        // EAGAIN: a rename or mount happened meanwhile; a peer that does this for ever must not hold us for ever.
        for _ in 0..<128 {
            let found = timber_openat2(root, path, UInt64(O_PATH | flags) | openFlags, 0, how)
            if found != -Int(EAGAIN) && found != -Int(EINTR) { return found }
        }
        return -Int(EAGAIN)
    }

    /// Opens a mount's target, made when it is missing.
    /// - Parameters:
    ///   - kind: O_DIRECTORY when nothing else will do.
    ///   - file: whether a missing one is made as a file.
    func openTarget(
        _ stage: timber_stage, _ path: UnsafePointer<CChar>, kind: Int32 = 0, file: Bool, mode: UInt32, resolve: Int32 = 0
    ) throws(Failure) -> Int32 {
        let found = open(path, kind, resolve: resolve)
        if found != -Int(ENOENT) { return try check(stage, found, path) }
        return try make(stage, path, file: file, mode: mode, resolve: resolve)
    }

    /// Opens the directory that a path's last component lies in, made when it is missing.
    /// - Returns: the directory, and the last component.
    func openParent(_ stage: timber_stage, _ path: UnsafePointer<CChar>) throws(Failure) -> (Int32, UnsafePointer<CChar>) {
        guard let slash = strrchr(path, Int32(UInt8(ascii: "/"))), slash[1] != 0 else { throw Failure(stage, EINVAL, path) }
        let name = UnsafePointer(slash + 1)
        let length = UnsafePointer(slash) - path
        if length == 0 { return (try check(stage, open("/", O_DIRECTORY), path), name) }
        let directory = try withPrefix(stage, path, length) { (prefix) throws(Failure) -> Int32 in
            do throws(Failure) {
                return try openTarget(stage, prefix, kind: O_DIRECTORY, file: false, mode: 0o755)
            } catch {
                throw Failure(error.stage, error.error, path)
            }
        }
        return (directory, name)
    }

    /// Makes what is missing of a path: finds the longest prefix that exists, then goes down from its descriptor. A component
    /// that somebody puts there meanwhile is accepted only when it is a directory and not a symlink.
    private func make(
        _ stage: timber_stage, _ path: UnsafePointer<CChar>, file: Bool, mode: UInt32, resolve: Int32
    ) throws(Failure) -> Int32 {
        let length = strlen(path)
        var (directory, done) = try deepestDirectory(stage, path, length, resolve)
        while true {
            while path[done] == CChar(bitPattern: UInt8(ascii: "/")) { done += 1 }
            if done == length { return directory }
            var end = done
            while end < length && path[end] != CChar(bitPattern: UInt8(ascii: "/")) { end += 1 }
            var rest = end
            while path[rest] == CChar(bitPattern: UInt8(ascii: "/")) { rest += 1 }
            let last = rest == length
            let parent = directory
            directory = try withPrefix(stage, path + done, end - done) { (name) throws(Failure) -> Int32 in
                if strcmp(name, "..") == 0 || strcmp(name, ".") == 0 { throw Failure(stage, EINVAL, path) }
                if last && file {
                    let made = openPlain(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode: UInt64(mode & 0o7777))
                    if made >= 0 { close(Int32(made)) } else if made != -Int(EEXIST) { try check(stage, made, path) }
                    return try check(stage, openPlain(parent, name, O_PATH | O_NOFOLLOW), path)
                }
                let made = result(mkdirat(parent, name, last ? mode & 0o7777 : 0o755))
                if made < 0 && made != -Int(EEXIST) { try check(stage, made, path) }
                return try check(stage, openPlain(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW), path)
            }
            close(parent)
            done = end
        }
    }

    private func deepestDirectory(
        _ stage: timber_stage, _ path: UnsafePointer<CChar>, _ length: Int, _ resolve: Int32
    ) throws(Failure) -> (Int32, Int) {
        var end = length
        while true {
            while end > 0 && path[end - 1] == CChar(bitPattern: UInt8(ascii: "/")) { end -= 1 }
            while end > 0 && path[end - 1] != CChar(bitPattern: UInt8(ascii: "/")) { end -= 1 }
            if end == 0 { return (try check(stage, open("/", O_DIRECTORY), path), 0) }
            let found = try withPrefix(stage, path, end) { (prefix) throws(Failure) -> Int in open(prefix, O_DIRECTORY, resolve: resolve) }
            if found != -Int(ENOENT) { return (try check(stage, found, path), end) }
        }
    }

    /// A NUL-terminated copy of the first `length` characters, on the stack.
    private func withPrefix<Value>(
        _ stage: timber_stage, _ path: UnsafePointer<CChar>, _ length: Int, _ body: (UnsafePointer<CChar>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard length < Int(PATH_MAX) else { throw Failure(stage, ENAMETOOLONG, path) }
        var outcome: Result<Value, Failure> = .failure(Failure(stage, EINVAL, path))
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { copy in
            guard let characters = copy.baseAddress else { return }
            memcpy(characters, path, length)
            characters[length] = 0
            do throws(Failure) {
                outcome = .success(try body(characters))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }
}
