internal import Glibc
internal import LinuxKernel

/// How many descriptors a process may have open (RLIMIT_NOFILE).
public struct DescriptorLimit: Sendable {
    let soft: UInt64
    let hard: UInt64

    /// Lets this process have as many as it may give itself.
    /// - Returns: its limit before, which is what its containers should get: many programs have a table as large as the soft limit,
    ///   or use select(2), and expect the limit that an administrator set.
    /// - Throws: `SystemError`.
    public static func raise() throws -> DescriptorLimit {
        let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        var limit = rlimit()
        try retrying("getrlimit", "RLIMIT_NOFILE") { getrlimit(resource, &limit) }
        let before = DescriptorLimit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
        limit.rlim_cur = limit.rlim_max
        try retrying("setrlimit", "RLIMIT_NOFILE") { setrlimit(resource, &limit) }
        return before
    }
}
