internal import DockerAPI
internal import Errors

/// Refuses by name the limits that Timber does not have, when a container is made and when it is updated.
enum ResourceValidation {
    static func check(_ resources: Resources) throws {
        let refusals: [(Bool, String)] = [
            (!resources.cgroupParent.isEmpty, "--cgroup-parent"),
            (!resources.blkioWeightDevice.isEmpty, "--blkio-weight-device"),
            (!resources.blkioDeviceReadBps.isEmpty, "--device-read-bps"),
            (!resources.blkioDeviceWriteBps.isEmpty, "--device-write-bps"),
            (!resources.blkioDeviceReadIOps.isEmpty, "--device-read-iops"),
            (!resources.blkioDeviceWriteIOps.isEmpty, "--device-write-iops"),
            (resources.cpuRealtimePeriod != 0 || resources.cpuRealtimeRuntime != 0, "real-time CPU scheduling"),
            (!resources.deviceRequests.isEmpty, "--gpus"),
            (resources.kernelMemory != 0 || resources.kernelMemoryTCP != 0, "kernel memory limits"),
            (resources.cpuCount != 0 || resources.cpuPercent != 0, "CPU limits of Windows (CpuCount, CpuPercent)"),
            (
                resources.ioMaximumIOps != 0 || resources.ioMaximumBandwidth != 0,
                "I/O limits of Windows (IOMaximumIOps, IOMaximumBandwidth)"
            ),
        ]
        for (refused, option) in refusals where refused {
            throw TimberError(.unsupported, "\(option) is not supported by Timber")
        }
    }
}
