internal import Cgroups
public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// A container's processes in the columns of `ps -ef`, read from the host's /proc only: nothing of the container runs
    /// (CVE-2022-1227).
    /// - Parameter psArguments: empty or `-ef`.
    public func topContainer(_ name: String, psArguments: String) async throws -> ContainerTop {
        guard ["", "-ef"].contains(psArguments) else {
            throw TimberError(.unsupported, "ps arguments \"\(psArguments)\" are not supported by Timber: it shows the columns of ps -ef")
        }
        let container = try container(name)
        guard let cgroup = await container.run.cgroup, await container.lifecycle.run != nil else {
            throw TimberError(.conflict, "container \(name) is not running")
        }
        return try await BlockingPool.shared.run {
            let rows = try cgroup.processes().compactMap { try ProcessRow(pid: $0) }
            return ContainerTop(
                titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], processes: rows.map(\.columns))
        }
    }
}

/// One process as `ps -ef` shows it.
struct ProcessRow {
    var columns: [String]

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
        let fields = stat[stat.index(after: close)...].split(separator: " ").map(String.init)
        guard fields.count > 20, let user = Int64(fields[11]), let system = Int64(fields[12]), let start = Int64(fields[19]) else {
            return nil
        }
        let uid = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(separator: "\t").dropFirst().first.map(String.init)
        let seconds = (user + system) / max(1, ProcessTimes.ticksPerSecond)
        let name =
            command.isEmpty
            ? "[\(stat[stat.index(after: open)..<close])]"
            : command.split(separator: "\0").joined(separator: " ")
        let terminal = Int32(fields[4]) ?? 0
        columns = [
            uid ?? "?", "\(pid)", fields[1], "0", Self.clock(ProcessTimes.started(ticks: start)),
            terminal == 0 ? "?" : "pts/\((terminal & 0xff) | ((terminal >> 12) & 0xfff00))",
            Self.pad(seconds / 3600) + ":" + Self.pad(seconds / 60 % 60) + ":" + Self.pad(seconds % 60), name,
        ]
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
