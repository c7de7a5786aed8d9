internal import Cgroups
public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// A container's processes, read from the host's /proc only: nothing of the container runs (CVE-2022-1227).
    /// - Parameter psArguments: `-ef`, `aux`, or `-o` with columns; empty: `-ef`.
    public func topContainer(_ name: String, psArguments: String) async throws -> ContainerTop {
        let columns = try ProcessColumns(parsing: psArguments)
        let container = try container(name)
        guard let cgroup = await container.run.cgroup, await container.lifecycle.run != nil else {
            throw TimberError(
                .conflict,
                await container.lifecycle.isRestarting
                    ? "container \(name) is restarting, wait until it is running" : "container \(name) is not running")
        }
        return try await BlockingPool.shared.run {
            let host = try HostUsage.current()
            let processes = try cgroup.processes().compactMap { try ProcessFacts(pid: $0) }
            return ContainerTop(
                titles: columns.columns.map(\.title),
                processes: processes.map { process in columns.columns.map { process.text($0.kind, host) } })
        }
    }
}

/// One process as /proc has it (proc(5)).
struct ProcessFacts {
    private let pid: Int32
    private let name: String
    private let command: String
    private let uid: String
    private let gid: String
    /// Of /proc/PID/stat, from its third on.
    private let fields: [String]

    /// - Returns: nil when the process has just ended.
    init?(pid: Int32) throws {
        func file(_ name: String) throws -> String? {
            do {
                return String(decoding: try Files.read("/proc/\(pid)/\(name)"), as: UTF8.self)
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ESRCH {
                return nil
            }
        }
        guard let stat = try file("stat"), let status = try file("status"), let command = try file("cmdline"),
            let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")")
        else { return nil }
        fields = stat[stat.index(after: close)...].split(separator: " ").map(String.init)
        guard fields.count > 21 else { return nil }
        func line(_ key: String) -> String? {
            status.split(separator: "\n").first { $0.hasPrefix(key) }?.split(separator: "\t").dropFirst().first.map(String.init)
        }
        self.pid = pid
        uid = line("Uid:") ?? "?"
        gid = line("Gid:") ?? "?"
        name = String(stat[stat.index(after: open)..<close])
        self.command = command.split(separator: "\0").joined(separator: " ")
    }

    func text(_ kind: ProcessColumns.Kind, _ host: HostUsage) -> String {
        switch kind {
        case .uid: uid
        case .gid: gid
        case .pid: "\(pid)"
        case .state: fields[0]
        case .ppid: fields[1]
        case .pgid: fields[2]
        case .sid: fields[3]
        case .terminal: terminal
        case .nice: fields[16]
        case .threads: fields[17]
        case .start: Self.clock(started)
        case .virtual: "\(number(20) / 1024)"
        case .resident: "\(residentBytes / 1024)"
        case .memory: Self.tenths(residentBytes, of: Int64(clamping: host.memory))
        case .cpu: Self.tenths(processorSeconds, of: age)
        case .utilization: "\(min(99, age > 0 ? processorSeconds * 100 / age : 0))"
        case .time: Self.pad(processorSeconds / 3600) + ":" + Self.pad(processorSeconds / 60 % 60) + ":" + Self.pad(processorSeconds % 60)
        case .name: name
        case .command: command.isEmpty ? "[\(name)]" : command
        }
    }

    private func number(_ field: Int) -> Int64 { max(0, Int64(fields[field]) ?? 0) }

    private var processorSeconds: Int64 { (number(11) &+ number(12)) / max(1, ProcessTimes.ticksPerSecond) }

    private var residentBytes: Int64 { number(21).multipliedReportingOverflow(by: Int64(sysconf(Int32(_SC_PAGESIZE)))).partialValue }

    private var started: Timestamp? { ProcessTimes.started(ticks: number(19)) }

    /// Seconds since it began.
    private var age: Int64 { started.map { max(0, Timestamp.now().seconds - $0.seconds) } ?? 0 }

    private var terminal: String {
        let device = Int32(fields[4]) ?? 0
        return device == 0 ? "?" : "pts/\((device & 0xff) | ((device >> 12) & 0xfff00))"
    }

    /// A percentage with one decimal.
    private static func tenths(_ part: Int64, of whole: Int64) -> String {
        let value = whole > 0 ? Int64(Double(part) / Double(whole) * 1000) : 0
        return "\(value / 10).\(value % 10)"
    }

    private static func clock(_ time: Timestamp?) -> String {
        guard let time else { return "?" }
        var seconds = time_t(time.seconds)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return pad(Int64(parts.tm_hour)) + ":" + pad(Int64(parts.tm_min))
    }

    private static func pad(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
