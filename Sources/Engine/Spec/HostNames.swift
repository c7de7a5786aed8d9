/// What a container is called inside, and where its /etc/hostname, hosts and resolv.conf are.
struct HostNames {
    let hostname: String
    let directory: String
}

extension Services {
    /// As Docker has it: the name asked for, else the short id; on the host's network the host's name; and a container that joins
    /// another's network has that one's name and files.
    func hostNames(of id: String, _ definition: Definition) -> HostNames {
        if case .container(let other) = definition.network, let owner = registry.snapshot(id: other) {
            return hostNames(of: other, owner.definition)
        }
        let asked = definition.config.hostname
        let standard = definition.network == .host ? HostName.current : String(id.prefix(12))
        return HostNames(hostname: asked.isEmpty ? standard : asked, directory: paths.container(id))
    }
}
