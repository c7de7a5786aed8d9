/// What Docker's templates see where the API writes null or leaves a member out: there every member has a type, and with it a zero
/// value. JSON has none, so the names that people ask for are listed.
enum GoZero {
    private static let lists: Set<String> = [
        "Aliases", "Binds", "CapAdd", "CapDrop", "Cmd", "Config", "DNSNames", "DeviceCgroupRules", "DeviceRequests", "Devices", "Dns",
        "DnsOptions", "DnsSearch", "Entrypoint", "Env", "ExecIDs", "ExtraHosts", "GroupAdd", "Links", "MaskedPaths", "Mounts", "OnBuild",
        "ReadonlyPaths", "RepoDigests", "RepoTags", "SecurityOpt", "Shell", "Ulimits", "VolumesFrom", "Warnings",
    ]
    private static let maps: Set<String> = [
        "Annotations", "DriverOpts", "ExposedPorts", "Labels", "Options", "PortBindings", "Ports", "StorageOpt", "Sysctls", "Tmpfs",
        "Volumes",
    ]
    private static let texts: Set<String> = [
        "Domainname", "MacAddress", "OsVersion", "Runtime", "StopSignal", "User", "Variant", "WorkingDir",
    ]
    private static let pointers: Set<String> = ["Health", "Healthcheck", "Init", "SizeRootFs", "SizeRw", "StopTimeout", "UsageData"]

    /// The zero value of a member.
    /// - Returns: nil for a name that is not known.
    static func value(of name: String) -> TemplateValue? {
        if texts.contains(name) { return .string("") }
        if lists.contains(name) { return .zero("[]") }
        if maps.contains(name) { return .zero("map[]") }
        return pointers.contains(name) ? .zero("<nil>") : nil
    }
}
