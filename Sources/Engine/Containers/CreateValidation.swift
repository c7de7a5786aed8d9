internal import Confinement
internal import DockerAPI
internal import Errors

/// Refuses by name what Timber does not do: an option that is ignored silently is worse than one that is missing.
enum CreateValidation {
    static func check(_ request: ContainerCreateRequest) throws {
        let host = request.hostConfig
        let resources = host.resources
        let refusals: [(Bool, String)] = [
            (!["", "json-file", "local"].contains(host.logConfig.type), "log driver \"\(host.logConfig.type)\""),
            (!["", "local"].contains(host.volumeDriver), "volume driver \"\(host.volumeDriver)\""),
            (!host.cgroup.isEmpty, "HostConfig.Cgroup"),
            (!["", "private"].contains(host.cgroupnsMode), "cgroup namespace mode \"\(host.cgroupnsMode)\""),
            (!["", "private", "shareable", "host"].contains(host.ipcMode), "ipc mode \"\(host.ipcMode)\""),
            (!["", "private"].contains(host.pidMode), "pid mode \"\(host.pidMode)\""),
            (!["", "host"].contains(host.utsMode), "uts mode \"\(host.utsMode)\""),
            (!["", "host"].contains(host.usernsMode), "user namespace mode \"\(host.usernsMode)\""),
            (!host.storageOpt.isEmpty, "--storage-opt"),
            (!["", "default"].contains(host.isolation), "isolation \"\(host.isolation)\""),
            (!["", "timber", "runc"].contains(host.runtime), "runtime \"\(host.runtime)\""),
        ]
        for (refused, option) in refusals where refused {
            throw unsupported(option)
        }
        try ResourceValidation.check(resources)
        if try RestartRule(host.restartPolicy) != .never, host.autoRemove {
            throw TimberError(.invalidArgument, "can't create 'AutoRemove' container with restart policy")
        }
        if host.utsMode == "host" {
            let names = [("hostname", request.config.hostname), ("domainname", request.config.domainname)]
            for (option, name) in names where !name.isEmpty {
                throw TimberError(
                    .invalidArgument, "conflicting options: \(option) and the UTS mode: with --uts host it would be the host's")
            }
        }
        try NameValidation.check(request.config)
        try NameValidation.checkResolver(host)
        try NameValidation.check(consoleSize: host.consoleSize)
        for extra in host.extraHosts { _ = try ExtraHost(extra) }
        for option in host.logConfig.config.keys.sorted() where !["max-size", "max-file"].contains(option) {
            throw TimberError(.unsupported, "log option \"\(option)\" is not supported by Timber (max-size and max-file are)")
        }
        _ = try LogLimits.parse(host.logConfig)
        guard (-1000...1000).contains(host.oomScoreAdj) else {
            throw TimberError(.invalidArgument, "invalid oom score adjustment \(host.oomScoreAdj): the range is -1000 to 1000")
        }
        guard host.shmSize >= 0 else { throw TimberError(.invalidArgument, "the size of /dev/shm cannot be negative") }
        if let timeout = request.config.stopTimeout, timeout < -1 {
            throw TimberError(.invalidArgument, "invalid stop timeout \(timeout): seconds, or -1 to wait for ever")
        }
        for limit in resources.ulimits {
            _ = try Rlimits.number(limit.name)
            guard limit.hard == -1 || (limit.soft != -1 && limit.soft <= limit.hard) else {
                throw TimberError(
                    .invalidArgument, "ulimit \(limit.name): the soft limit \(limit.soft) is above the hard limit \(limit.hard)")
            }
        }
        _ = try SecurityOptions(parsing: host.securityOpt)
        _ = try CapabilityGrant.resolve(add: host.capAdd ?? [], drop: host.capDrop ?? [])
        try Devices.check(resources)
    }

    private static func unsupported(_ option: String) -> TimberError {
        TimberError(.unsupported, "\(option) is not supported by Timber")
    }
}
