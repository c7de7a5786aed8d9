internal import ArgumentParser

/// The flags that `create` and `run` share.
struct ContainerOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Attach to stdin, stdout or stderr", valueName: "stream"))
    var attach: [String] = []
    @Flag(name: .shortAndLong, help: "Keep stdin open even if not attached")
    var interactive = false
    @Flag(name: .shortAndLong, help: "Give the process a terminal")
    var tty = false
    @Flag(help: "Remove the container and its anonymous volumes when it ends")
    var rm = false
    @Option(help: "The container's name")
    var name: String?
    @Option(help: ArgumentHelp("Write the container's id to a file that does not exist yet", valueName: "file"), completion: .file())
    var cidfile: String?
    @Option(
        help: ArgumentHelp("Pull the image first: always, missing (default) or never", valueName: "when"),
        completion: .list(["always", "missing", "never"]))
    var pull: String?
    @Flag(name: .shortAndLong, help: "No progress of a pull")
    var quiet = false
    @Option(help: ArgumentHelp("Platform of the image, as os[/arch[/variant]]", valueName: "platform"))
    var platform: String?

    @OptionGroup(title: "PROCESS") var process: ProcessOptions
    @OptionGroup(title: "HEALTH") var health: HealthOptions
    @OptionGroup(title: "NETWORK") var network: NetworkOptions
    @OptionGroup(title: "FILES") var files: FileOptions
    @OptionGroup(title: "RESOURCES") var resources: ResourceOptions
    @OptionGroup(title: "CONFINEMENT") var confinement: ConfinementOptions

    /// The flags without a value, for the flag reader.
    static let switches = [
        "i,interactive", "t,tty", "rm", "q,quiet", "init", "P,publish-all", "read-only", "privileged", "oom-kill-disable",
        "no-healthcheck",
    ]
    /// The flags with a value that have several names.
    static let values = [
        "a,attach", "e,env", "w,workdir", "u,user", "l,label", "p,publish", "network,net", "network-alias,net-alias", "h,hostname",
        "dns-option,dns-opt", "v,volume",
        "m,memory", "c,cpu-shares",
    ]
}

/// What runs and how it is stopped.
struct ProcessOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Set an environment variable; KEY alone takes the caller's value", valueName: "key=value"))
    var env: [String] = []
    @Option(help: ArgumentHelp("Read environment variables from a file", valueName: "file"), completion: .file())
    var envFile: [String] = []
    @Option(help: ArgumentHelp("Replace the image's entrypoint; empty removes it", valueName: "command"))
    var entrypoint: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Working directory inside; made when missing", valueName: "path"))
    var workdir: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("User and group, names or numbers", valueName: "user[:group]"))
    var user: String?
    @Option(help: ArgumentHelp("Add a supplementary group", valueName: "group"))
    var groupAdd: [String] = []
    @Flag(help: "Run an init that forwards signals and reaps processes")
    var `init` = false
    @Option(help: ArgumentHelp("Signal that asks the process to stop", valueName: "signal"))
    var stopSignal: String?
    @Option(help: ArgumentHelp("Seconds to wait before killing; -1 waits for ever", valueName: "seconds"))
    var stopTimeout: String?
    @Option(
        help: ArgumentHelp("When to start it again: no, on-failure[:retries], always or unless-stopped", valueName: "policy"),
        completion: .list(RestartSpec.words))
    var restart: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Set metadata", valueName: "key=value"))
    var label: [String] = []
    @Option(help: ArgumentHelp("Read labels from a file", valueName: "file"), completion: .file())
    var labelFile: [String] = []
    @Option(help: ArgumentHelp("Pass an annotation on to the OCI runtime", valueName: "key=value"))
    var annotation: [String] = []
    @Option(help: ArgumentHelp("json-file or local: both are Timber's own log", valueName: "driver"))
    var logDriver: String?
    @Option(help: ArgumentHelp("Bound the log: max-size=10m, max-file=5", valueName: "name=value"))
    var logOpt: [String] = []
}

/// How the container is reached.
struct NetworkOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Publish a port or a range of ports", valueName: "[ip:][host]:container[/protocol]"))
    var publish: [String] = []
    @Flag(name: [.customShort("P"), .long], help: "Publish all exposed ports on free ports of the host")
    var publishAll = false
    @Option(help: ArgumentHelp("Expose a port or a range of ports without publishing it", valueName: "port[/protocol]"))
    var expose: [String] = []
    @Option(
        name: [.customLong("network"), .customLong("net")],
        help: ArgumentHelp("bridge, none, host, container:NAME or a network, also name=NAME,alias=…,ip=…", valueName: "network"))
    var network: [String] = []
    @Option(
        name: [.customLong("network-alias"), .customLong("net-alias")],
        help: ArgumentHelp("Another name of the container in the network", valueName: "name"))
    var networkAlias: [String] = []
    @Option(help: ArgumentHelp("A certain address in the network", valueName: "address"))
    var ip: String?
    @Option(help: ArgumentHelp("A certain IPv6 address", valueName: "address"))
    var ip6: String?
    @Option(help: ArgumentHelp("Refused: there are none", valueName: "address"))
    var linkLocalIp: [String] = []
    @Option(help: ArgumentHelp("A certain Ethernet address", valueName: "address"))
    var macAddress: String?
    @Option(help: ArgumentHelp("Find another container by a name that only this one has for it", valueName: "container[:alias]"))
    var link: [String] = []
    @Option(name: [.customShort("h"), .long], help: ArgumentHelp("The host name inside", valueName: "name"))
    var hostname: String?
    @Option(help: ArgumentHelp("The NIS domain name inside", valueName: "name"))
    var domainname: String?
    @Option(help: ArgumentHelp("Add a line to /etc/hosts", valueName: "name:address"))
    var addHost: [String] = []
    @Option(help: ArgumentHelp("Use a DNS server", valueName: "address"))
    var dns: [String] = []
    @Option(help: ArgumentHelp("Search names in a domain; . for none", valueName: "domain"))
    var dnsSearch: [String] = []
    @Option(
        name: [.customLong("dns-option"), .customLong("dns-opt")],
        help: ArgumentHelp("An option of resolv.conf", valueName: "option"))
    var dnsOption: [String] = []
}

/// What is mounted.
struct FileOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Mount a volume or a path of the host", valueName: "[source:]target[:options]"),
        completion: .file())
    var volume: [String] = []
    @Option(help: ArgumentHelp("Mount, written as fields", valueName: "type=…,source=…,target=…"))
    var mount: [String] = []
    @Option(help: ArgumentHelp("Mount what another container has mounted", valueName: "container[:ro]"))
    var volumesFrom: [String] = []
    @Option(help: ArgumentHelp("Driver of the volumes: local", valueName: "driver"))
    var volumeDriver: String?
    @Option(help: ArgumentHelp("Mount a tmpfs", valueName: "path[:options]"))
    var tmpfs: [String] = []
    @Flag(help: "Mount the root file system read-only")
    var readOnly = false
    @Option(help: ArgumentHelp("Size of /dev/shm", valueName: "bytes"))
    var shmSize: String?
    @Option(help: ArgumentHelp("Add a device of the host", valueName: "host[:container[:rwm]]"))
    var device: [String] = []
    @Option(help: ArgumentHelp("Allow devices that may be made inside, as 'c 1:3 rwm'", valueName: "rule"))
    var deviceCgroupRule: [String] = []
}

/// What the container may use.
struct ResourceOptions: ParsableArguments {
    @OptionGroup(title: "RESOURCES") var limits: LimitOptions
    @Option(help: ArgumentHelp("How readily it is swapped out, 0 to 100 (cgroup v1)", valueName: "number"))
    var memorySwappiness: String?
    @Flag(help: "Do not kill it when memory ends (cgroup v1)")
    var oomKillDisable = false
    @Option(help: ArgumentHelp("A resource limit (setrlimit)", valueName: "name=soft[:hard]"))
    var ulimit: [String] = []
    @Option(help: ArgumentHelp("How readily the kernel kills it when memory ends, -1000 to 1000", valueName: "number"))
    var oomScoreAdj: String?
}

/// What the container may do.
struct ConfinementOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Add a capability", valueName: "capability"))
    var capAdd: [String] = []
    @Option(help: ArgumentHelp("Drop a capability", valueName: "capability"))
    var capDrop: [String] = []
    @Option(help: ArgumentHelp("no-new-privileges, seccomp=FILE, seccomp=unconfined, …", valueName: "option"))
    var securityOpt: [String] = []
    @Flag(help: "Give all capabilities and devices: the container is then as strong as root on the host")
    var privileged = false
    @Option(help: ArgumentHelp("Set a kernel parameter of the container's own", valueName: "name=value"))
    var sysctl: [String] = []
    @Option(help: ArgumentHelp("IPC namespace: private, shareable or host", valueName: "mode"))
    var ipc: String?
    @Option(help: ArgumentHelp("UTS namespace: host shares the host's name", valueName: "mode"))
    var uts: String?
    @Option(help: ArgumentHelp("User namespace: host, which it is anyway", valueName: "mode"))
    var userns: String?
    @Option(help: ArgumentHelp("Cgroup namespace: private, which it is anyway", valueName: "mode"))
    var cgroupns: String?
    @Option(help: ArgumentHelp("OCI runtime: timber, also by the name of runc", valueName: "name"))
    var runtime: String?
}
