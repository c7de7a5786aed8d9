/// What a container has used.
public struct CgroupStatistics: Sendable, Hashable {
    /// Memory, in bytes.
    public struct Memory: Sendable, Hashable {
        /// In use, page cache included.
        public var usage: UInt64 = 0
        /// nil: none.
        public var limit: UInt64?
        /// The most that was in use; nil: the kernel does not keep it.
        public var peak: UInt64?
        /// How often the limit was hit.
        public var failures: UInt64 = 0
        /// Swap in use; nil: not accounted for.
        public var swap: UInt64?
        /// memory.stat as the kernel has it; names differ between v1 and v2.
        public var fields: [String: UInt64] = [:]

        /// Usage less the page cache that could go at once: what `docker stats` shows.
        public var workingSet: UInt64 {
            let cache = fields["total_inactive_file"] ?? fields["inactive_file"] ?? 0
            return cache < usage ? usage - cache : usage
        }
    }

    /// Processor time, in nanoseconds.
    public struct CPU: Sendable, Hashable {
        /// User and system together.
        public var total: UInt64 = 0
        /// In user mode.
        public var user: UInt64 = 0
        /// In the kernel.
        public var system: UInt64 = 0
        /// For each processor; empty on v2.
        public var perCPU: [UInt64] = []
        /// Periods of the quota that began.
        public var periods: UInt64 = 0
        /// Periods in which the quota was used up.
        public var throttledPeriods: UInt64 = 0
        /// How long processes waited for the next period.
        public var throttledNanoseconds: UInt64 = 0
    }

    /// Processes and threads.
    public struct PIDs: Sendable, Hashable {
        /// How many there are.
        public var current: UInt64 = 0
        /// nil: unlimited.
        public var limit: UInt64?
    }

    /// One kind of operation on one block device.
    public struct IO: Sendable, Hashable {
        /// Major number of the device.
        public var major: UInt64
        /// Minor number of the device.
        public var minor: UInt64
        /// `Read`, `Write`, `Discard`; on v1 also `Sync`, `Async`.
        public var operation: String
        /// Bytes moved.
        public var bytes: UInt64
        /// Requests made.
        public var operations: UInt64
    }

    /// Memory.
    public var memory = Memory()
    /// Processor time.
    public var cpu = CPU()
    /// Processes and threads.
    public var pids = PIDs()
    /// Block devices, sorted by number, then operation.
    public var io: [IO] = []
}

/// What the out-of-memory killer did to a container.
public struct OOMEvents: Sendable, Hashable {
    /// How many processes it ended.
    public var kills: UInt64 = 0
    /// The limit in bytes; nil: none of its own, so the host was short of memory.
    public var memoryLimit: UInt64?
    /// The most that was in use; nil: the kernel does not keep it.
    public var memoryPeak: UInt64?
}
