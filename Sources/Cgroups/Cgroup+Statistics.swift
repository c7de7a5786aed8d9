internal import Errors
internal import Glibc
internal import LinuxKernel

extension Cgroup {
    /// v1 writes "no limit" as the largest page-aligned number.
    private static let legacyUnlimited: UInt64 = 0x7fff_ffff_ffff_f000

    /// What the container has used until now.
    /// - Throws: `TimberError(.notFound)` when the cgroup is gone, `SystemError`.
    public func statistics() throws -> CgroupStatistics {
        var result = CgroupStatistics()
        do {
            switch tree.limits {
            case .legacy: try readLegacy(into: &result)
            case .unified: try readUnified(into: &result)
            }
            result.pids.current = try value("pids.current", of: "pids")?.number ?? 0
            result.pids.limit = try value("pids.max", of: "pids")?.number
        } catch let error as SystemError where error.errno == ENODEV {
            throw TimberError(.notFound, "the cgroup of container \(id) is gone")
        }
        guard exists else { throw TimberError(.notFound, "the cgroup of container \(id) is gone") }
        return result
    }

    /// Whether the out-of-memory killer struck, and with what memory when it did. Ask before `remove`.
    /// - Throws: `SystemError`.
    public func oomEvents() throws -> OOMEvents {
        var events = OOMEvents()
        switch tree.limits {
        case .legacy:
            events.kills = try value("memory.oom_control", of: "memory")?.keyedNumbers["oom_kill"] ?? 0
            guard events.kills > 0 else { break }
            events.memoryLimit = try legacyLimit("memory.limit_in_bytes")
            events.memoryPeak = try value("memory.max_usage_in_bytes", of: "memory")?.number
        case .unified:
            events.kills = try value("memory.events", of: "memory")?.keyedNumbers["oom_kill"] ?? 0
            guard events.kills > 0 else { break }
            events.memoryLimit = try value("memory.max", of: "memory")?.number
            events.memoryPeak = try value("memory.peak", of: "memory")?.number
        }
        return events
    }

    private func legacyLimit(_ file: String) throws -> UInt64? {
        try value(file, of: "memory")?.number.flatMap { $0 >= Self.legacyUnlimited ? nil : $0 }
    }

    // MARK: - v1

    private func readLegacy(into result: inout CgroupStatistics) throws {
        result.memory.usage = try value("memory.usage_in_bytes", of: "memory")?.number ?? 0
        result.memory.limit = try legacyLimit("memory.limit_in_bytes")
        result.memory.peak = try value("memory.max_usage_in_bytes", of: "memory")?.number
        result.memory.failures = try value("memory.failcnt", of: "memory")?.number ?? 0
        result.memory.fields = try value("memory.stat", of: "memory")?.keyedNumbers ?? [:]
        if let both = try value("memory.memsw.usage_in_bytes", of: "memory")?.number {
            result.memory.swap = both > result.memory.usage ? both - result.memory.usage : 0
        }
        result.cpu.total = try value("cpuacct.usage", of: "cpuacct")?.number ?? 0
        result.cpu.user = try value("cpuacct.usage_user", of: "cpuacct")?.number ?? 0
        result.cpu.system = try value("cpuacct.usage_sys", of: "cpuacct")?.number ?? 0
        result.cpu.perCPU = try value("cpuacct.usage_percpu", of: "cpuacct")?.trimmed.split(separator: " ").compactMap { UInt64($0) } ?? []
        let throttling = try value("cpu.stat", of: "cpu")?.keyedNumbers ?? [:]
        result.cpu.periods = throttling["nr_periods"] ?? 0
        result.cpu.throttledPeriods = throttling["nr_throttled"] ?? 0
        result.cpu.throttledNanoseconds = throttling["throttled_time"] ?? 0
        result.io = try legacyIO()
    }

    /// Lines of `MAJOR:MINOR OPERATION NUMBER`, and totals, which are left out. BFQ counts in files of its own when it schedules.
    private func legacyIO() throws -> [CgroupStatistics.IO] {
        for scheduler in ["throttle", "bfq"] {
            let bytes = try value("blkio.\(scheduler).io_service_bytes_recursive", of: "blkio") ?? ""
            let operations = try value("blkio.\(scheduler).io_serviced_recursive", of: "blkio") ?? ""
            var table: [IOKey: (bytes: UInt64, operations: UInt64)] = [:]
            for (key, number) in Self.legacyLines(bytes) { table[key, default: (0, 0)].bytes = number }
            for (key, number) in Self.legacyLines(operations) { table[key, default: (0, 0)].operations = number }
            if !table.isEmpty { return Self.sorted(table) }
        }
        return []
    }

    private static func legacyLines(_ text: String) -> [(IOKey, UInt64)] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 3, fields[1] != "Total", let (major, minor) = device(fields[0]), let number = UInt64(fields[2])
            else { return nil }
            return (IOKey(major: major, minor: minor, operation: String(fields[1])), number)
        }
    }

    // MARK: - v2

    private func readUnified(into result: inout CgroupStatistics) throws {
        result.memory.usage = try value("memory.current", of: "memory")?.number ?? 0
        result.memory.limit = try value("memory.max", of: "memory")?.number
        result.memory.peak = try value("memory.peak", of: "memory")?.number
        result.memory.failures = try value("memory.events", of: "memory")?.keyedNumbers["max"] ?? 0
        result.memory.fields = try value("memory.stat", of: "memory")?.keyedNumbers ?? [:]
        result.memory.swap = try value("memory.swap.current", of: "memory")?.number
        let cpu = try value("cpu.stat", of: "cpu")?.keyedNumbers ?? [:]
        func nanoseconds(_ key: String) -> UInt64 { (cpu[key] ?? 0).multipliedReportingOverflow(by: 1000).partialValue }
        result.cpu.total = nanoseconds("usage_usec")
        result.cpu.user = nanoseconds("user_usec")
        result.cpu.system = nanoseconds("system_usec")
        result.cpu.periods = cpu["nr_periods"] ?? 0
        result.cpu.throttledPeriods = cpu["nr_throttled"] ?? 0
        result.cpu.throttledNanoseconds = nanoseconds("throttled_usec")
        result.io = Self.unifiedIO(try value("io.stat", of: "io") ?? "")
    }

    /// Lines of `MAJOR:MINOR rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`.
    static func unifiedIO(_ text: String) -> [CgroupStatistics.IO] {
        var table: [IOKey: (bytes: UInt64, operations: UInt64)] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let first = fields.first, let (major, minor) = device(first) else { continue }
            for field in fields.dropFirst() {
                let pair = field.split(separator: "=")
                guard pair.count == 2, let number = UInt64(pair[1]) else { continue }
                let operation: String? =
                    switch pair[0].first {
                    case "r": "Read"
                    case "w": "Write"
                    case "d": "Discard"
                    default: nil
                    }
                guard let operation else { continue }
                let key = IOKey(major: major, minor: minor, operation: operation)
                if pair[0].hasSuffix("bytes") { table[key, default: (0, 0)].bytes = number }
                if pair[0].hasSuffix("ios") { table[key, default: (0, 0)].operations = number }
            }
        }
        return sorted(table)
    }

    // MARK: - Both

    private struct IOKey: Hashable {
        let major: UInt64
        let minor: UInt64
        let operation: String
    }

    private static func device(_ text: Substring) -> (UInt64, UInt64)? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else { return nil }
        return (major, minor)
    }

    private static func sorted(_ table: [IOKey: (bytes: UInt64, operations: UInt64)]) -> [CgroupStatistics.IO] {
        table.map {
            CgroupStatistics.IO(
                major: $0.key.major, minor: $0.key.minor, operation: $0.key.operation, bytes: $0.value.bytes,
                operations: $0.value.operations)
        }.sorted { ($0.major, $0.minor, $0.operation) < ($1.major, $1.minor, $1.operation) }
    }
}
