internal import ArgumentParser

// The commands that people and scripts wait for most fill their properties by name (`TctlCommand.init(given:)`). A property that is left
// out here has no value, and ArgumentParser ends the program that asks for it: `CommandTests.bothWaysOfReadingAgree` finds it.

extension Run {
    init(given: GivenFlags) throws {
        self.init()
        detach = try given.state("detach")
        sigProxy = try given.state("sig-proxy")
        detachKeys = given.last("detach-keys")
        options = try ContainerOptions(given: given)
        image = try given.neededArgument()
        command = given.remainingArguments()
    }
}

extension Create {
    init(given: GivenFlags) throws {
        self.init()
        options = try ContainerOptions(given: given)
        image = try given.neededArgument()
        command = given.remainingArguments()
    }
}

extension Exec {
    init(given: GivenFlags) throws {
        self.init()
        detach = try given.state("detach")
        interactive = try given.state("interactive")
        tty = try given.state("tty")
        env = given.all("env")
        envFile = given.all("env-file")
        workdir = given.last("workdir")
        user = given.last("user")
        privileged = try given.state("privileged")
        detachKeys = given.last("detach-keys")
        container = try given.neededArgument()
        command = given.remainingArguments()
    }
}

extension ListContainers {
    init(given: GivenFlags) throws {
        self.init()
        options = try ListContainersOptions(given: given)
    }
}

extension ListContainersOptions {
    init(given: GivenFlags) throws {
        self.init()
        all = try given.state("all")
        quiet = try given.state("quiet")
        last = given.last("last")
        latest = try given.state("latest")
        size = try given.state("size")
        filter = given.all("filter")
        format = given.last("format")
        noTrunc = try given.state("no-trunc")
    }
}

extension ContainerOptions {
    init(given: GivenFlags) throws {
        self.init()
        attach = given.all("attach")
        interactive = try given.state("interactive")
        tty = try given.state("tty")
        rm = try given.state("rm")
        name = given.last("name")
        cidfile = given.last("cidfile")
        pull = given.last("pull")
        quiet = try given.state("quiet")
        platform = given.last("platform")
        process = try ProcessOptions(given: given)
        health = try HealthOptions(given: given)
        network = try NetworkOptions(given: given)
        files = try FileOptions(given: given)
        resources = try ResourceOptions(given: given)
        confinement = try ConfinementOptions(given: given)
    }
}

extension ProcessOptions {
    init(given: GivenFlags) throws {
        self.init()
        env = given.all("env")
        envFile = given.all("env-file")
        entrypoint = given.last("entrypoint")
        workdir = given.last("workdir")
        user = given.last("user")
        groupAdd = given.all("group-add")
        `init` = try given.state("init")
        stopSignal = given.last("stop-signal")
        stopTimeout = given.last("stop-timeout")
        restart = given.last("restart")
        label = given.all("label")
        labelFile = given.all("label-file")
        annotation = given.all("annotation")
        logDriver = given.last("log-driver")
        logOpt = given.all("log-opt")
    }
}

extension NetworkOptions {
    init(given: GivenFlags) throws {
        self.init()
        publish = given.all("publish")
        publishAll = try given.state("publish-all")
        expose = given.all("expose")
        network = given.all("network")
        networkAlias = given.all("network-alias")
        ip = given.last("ip")
        ip6 = given.last("ip6")
        linkLocalIp = given.all("link-local-ip")
        macAddress = given.last("mac-address")
        link = given.all("link")
        hostname = given.last("hostname")
        domainname = given.last("domainname")
        addHost = given.all("add-host")
        dns = given.all("dns")
        dnsSearch = given.all("dns-search")
        dnsOption = given.all("dns-option")
    }
}

extension FileOptions {
    init(given: GivenFlags) throws {
        self.init()
        volume = given.all("volume")
        mount = given.all("mount")
        volumesFrom = given.all("volumes-from")
        volumeDriver = given.last("volume-driver")
        tmpfs = given.all("tmpfs")
        readOnly = try given.state("read-only")
        shmSize = given.last("shm-size")
        device = given.all("device")
        deviceCgroupRule = given.all("device-cgroup-rule")
    }
}

extension ResourceOptions {
    init(given: GivenFlags) throws {
        self.init()
        limits = LimitOptions(given: given)
        memorySwappiness = given.last("memory-swappiness")
        oomKillDisable = try given.state("oom-kill-disable")
        ulimit = given.all("ulimit")
        oomScoreAdj = given.last("oom-score-adj")
    }
}

extension ConfinementOptions {
    init(given: GivenFlags) throws {
        self.init()
        capAdd = given.all("cap-add")
        capDrop = given.all("cap-drop")
        securityOpt = given.all("security-opt")
        privileged = try given.state("privileged")
        sysctl = given.all("sysctl")
        ipc = given.last("ipc")
        uts = given.last("uts")
        userns = given.last("userns")
        cgroupns = given.last("cgroupns")
        runtime = given.last("runtime")
    }
}

extension LimitOptions {
    init(given: GivenFlags) {
        self.init()
        memory = given.last("memory")
        memorySwap = given.last("memory-swap")
        memoryReservation = given.last("memory-reservation")
        cpus = given.last("cpus")
        cpuShares = given.last("cpu-shares")
        cpuQuota = given.last("cpu-quota")
        cpuPeriod = given.last("cpu-period")
        cpusetCpus = given.last("cpuset-cpus")
        cpusetMems = given.last("cpuset-mems")
        blkioWeight = given.last("blkio-weight")
        pidsLimit = given.last("pids-limit")
    }
}

extension HealthOptions {
    init(given: GivenFlags) throws {
        self.init()
        healthCmd = given.last("health-cmd")
        healthInterval = given.last("health-interval")
        healthRetries = given.last("health-retries")
        healthStartPeriod = given.last("health-start-period")
        healthStartInterval = given.last("health-start-interval")
        healthTimeout = given.last("health-timeout")
        noHealthcheck = try given.state("no-healthcheck")
    }
}
