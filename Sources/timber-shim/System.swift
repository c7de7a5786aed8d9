import CTimber

// Conventions of this program: a call's result is negative errno on failure, as the kernel returns it, and is looked at on the
// same line. Launch steps turn it into a Failure.

/// The result of a libc call that returns -1 and sets errno, in the kernel's convention.
@inline(__always)
func result<Value: FixedWidthInteger & SignedInteger>(_ value: Value) -> Int {
    value < 0 ? -Int(timber_errno()) : Int(value)
}

/// Repeats a call that was interrupted by a signal.
@inline(__always)
func retrying(_ body: () -> Int) -> Int {
    while true {
        let value = body()
        if value != -Int(EINTR) { return value }
    }
}

/// The flags of every open: close-on-exec.
let openFlags = UInt64(O_CLOEXEC)

/// openat2(2) for paths that this program chose itself.
func openPlain(_ directory: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, mode: UInt64 = 0) -> Int {
    retrying { timber_openat2(directory, path, UInt64(flags) | openFlags, mode, 0) }
}

/// write(2) until everything is written.
func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    var done = 0
    while done < bytes.count {
        let count = retrying { result(write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)) }
        if count < 0 { return count }
        done += count
    }
    return done
}

/// A clock's time; the clocks used here cannot fail.
func now(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
}

/// Milliseconds of the monotonic clock, for deadlines.
func monotonicMilliseconds() -> Int {
    let time = now(CLOCK_MONOTONIC)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// Whether an open descriptor is the character device `major:minor` itself, whatever its path said.
func isCharacterDevice(_ descriptor: Int32, _ major: UInt32, _ minor: UInt32) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return false }
    return status.kind == S_IFCHR && status.st_rdev == timber_makedev(major, minor)
}

extension stat {
    /// S_IFREG, S_IFDIR and so on.
    var kind: Int32 { Int32(truncatingIfNeeded: st_mode) & S_IFMT }
}

/// The file system type of an open descriptor (statfs f_type), 0 when it cannot be read.
func fileSystemType(_ descriptor: Int32) -> Int {
    var status = statfs()
    guard fstatfs(descriptor, &status) == 0 else { return 0 }
    return Int(status.f_type)
}

let procMagic = 0x9fa0
let devptsMagic = 0x1cd1
