import CTimber

/// Writes the exit record: temporary file, rename. Whoever reads `exit` reads all of it.
///
/// It outlives every process, and need not outlive the machine: after a restart nobody asks how a process of before has ended. So there
/// is no fsync(2), which would have everybody wait for the disk where /run is on one.
/// - Parameter bundle: the bundle's directory.
/// - Returns: 0 or -errno.
func writeExitRecord(_ bundle: Int32, _ exit: timber_exit, _ failure: LaunchFailure?) -> Int {
    let opened = openPlain(bundle, "exit.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    if opened < 0 { return opened }
    let file = Descriptor(owning: Int32(opened))
    var record = timber_exit_record(
        magic: TIMBER_EXIT_RECORD_MAGIC, version: 1, exit: exit, failed_stage: failure?.stage ?? 0, error: failure?.error ?? 0)
    let written = withUnsafeBytes(of: &record) { writeAll(file.raw, $0) }
    if written < 0 { return written }
    return result(renameat(bundle, "exit.tmp", bundle, "exit"))
}
