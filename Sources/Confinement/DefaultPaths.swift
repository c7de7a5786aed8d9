internal import Glibc

/// Paths of /proc and /sys that a container may not read, or may not write.
public enum DefaultPaths {
    /// Made unreadable: an empty read-only tmpfs over directories, /dev/null over files. Paths that do not exist are passed over
    /// by whoever mounts them.
    ///
    /// Host-wide state that is not namespaced: memory and keys (kcore, keys), what other tenants do (interrupts, powercap,
    /// thermal_throttle, the timer and scheduler lists: side channels), hardware (acpi, asound, scsi, firmware).
    public static let masked: [String] =
        [
            "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
            "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
        ] + thermalThrottle()

    /// Rebound read-only on themselves: writing there acts on the whole host.
    public static let readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    /// One directory a CPU, where the hardware has it (GHSA-6fw5-f8r9-fgfm).
    private static func thermalThrottle() -> [String] {
        let count = max(0, sysconf(Int32(_SC_NPROCESSORS_CONF)))
        return (0..<count)
            .map { "/sys/devices/system/cpu/cpu\($0)/thermal_throttle" }
            .filter { access($0, F_OK) == 0 }
    }
}
