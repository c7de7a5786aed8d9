import CTimber

/// tmpfs with COPY_UP: the tmpfs starts with what the image has at its target.
extension Child {
    private static var deepest: Int { 128 }

    func copyUp(from target: Int32, to mount: Int32, _ path: UnsafePointer<CChar>) throws(Failure) {
        let source = try check(TIMBER_STAGE_MOUNT, openPlain(target, ".", O_RDONLY | O_DIRECTORY), path)
        let destination = try check(TIMBER_STAGE_MOUNT, openPlain(mount, ".", O_RDONLY | O_DIRECTORY), path)
        try check(TIMBER_STAGE_MOUNT, copyDirectory(source, destination, depth: 0), path)
        close(source)
        close(destination)
    }

    /// Copies a directory's entries, then its owner and mode.
    private func copyDirectory(_ source: Int32, _ destination: Int32, depth: Int) -> Int {
        if depth > Self.deepest { return -Int(ELOOP) }
        let outcome = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { entries -> Int in
            while true {
                let count = timber_getdents64(source, entries.baseAddress, entries.count)
                if count <= 0 { return count }
                var offset = 0
                while offset < count {
                    // struct linux_dirent64: inode, offset, 16-bit length, type, name.
                    let entry = UnsafeRawPointer(entries.baseAddress.unsafelyUnwrapped) + offset
                    offset += Int(entry.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
                    let name = (entry + 19).assumingMemoryBound(to: CChar.self)
                    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { continue }
                    let copied = copyEntry(source, destination, name, depth: depth)
                    if copied < 0 { return copied }
                }
            }
        }
        if outcome < 0 { return outcome }
        var status = stat()
        if fstat(source, &status) != 0 { return -Int(timber_errno()) }
        if fchown(destination, status.st_uid, status.st_gid) != 0 { return -Int(timber_errno()) }
        return result(fchmod(destination, status.st_mode & 0o7777))
    }

    private func copyEntry(_ source: Int32, _ destination: Int32, _ name: UnsafePointer<CChar>, depth: Int) -> Int {
        var status = stat()
        if fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) != 0 { return -Int(timber_errno()) }
        switch status.kind {
        case S_IFDIR: return copySubdirectory(source, destination, name, depth: depth)
        case S_IFREG: return copyFile(source, destination, name)
        case S_IFLNK: return copyLink(source, destination, name, status)
        default:
            let made = result(mknodat(destination, name, status.st_mode, status.st_rdev))
            if made < 0 { return made }
            return result(fchownat(destination, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW))
        }
    }

    private func copySubdirectory(_ source: Int32, _ destination: Int32, _ name: UnsafePointer<CChar>, depth: Int) -> Int {
        let from = openPlain(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        if from < 0 { return from }
        defer { close(Int32(from)) }
        if mkdirat(destination, name, 0o700) != 0 { return -Int(timber_errno()) }
        let to = openPlain(destination, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        if to < 0 { return to }
        defer { close(Int32(to)) }
        return copyDirectory(Int32(from), Int32(to), depth: depth + 1)
    }

    private func copyFile(_ source: Int32, _ destination: Int32, _ name: UnsafePointer<CChar>) -> Int {
        let from = openPlain(source, name, O_RDONLY | O_NOFOLLOW)
        if from < 0 { return from }
        defer { close(Int32(from)) }
        var status = stat()
        if fstat(Int32(from), &status) != 0 { return -Int(timber_errno()) }
        let to = openPlain(destination, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        if to < 0 { return to }
        defer { close(Int32(to)) }
        while true {
            let count = retrying { result(sendfile(Int32(to), Int32(from), nil, 1 << 20)) }
            if count < 0 { return count }
            if count == 0 { break }
        }
        // The owner before the mode: a change of owner takes set-user-ID bits away.
        if fchown(Int32(to), status.st_uid, status.st_gid) != 0 { return -Int(timber_errno()) }
        if fchmod(Int32(to), status.st_mode & 0o7777) != 0 { return -Int(timber_errno()) }
        return withUnsafeTemporaryAllocation(of: timespec.self, capacity: 2) { times in
            times[0] = status.st_atim
            times[1] = status.st_mtim
            return result(futimens(Int32(to), times.baseAddress))
        }
    }

    private func copyLink(_ source: Int32, _ destination: Int32, _ name: UnsafePointer<CChar>, _ status: stat) -> Int {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { text in
            guard let characters = text.baseAddress else { return -Int(ENOMEM) }
            let length = result(readlinkat(source, name, characters, text.count - 1))
            if length < 0 { return length }
            characters[length] = 0
            if symlinkat(characters, destination, name) != 0 { return -Int(timber_errno()) }
            return result(fchownat(destination, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW))
        }
    }
}
