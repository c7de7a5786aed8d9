internal import DockerAPI

/// A container as a row of `ps`.
enum ContainerRow {
    static func listing(showsSize: Bool) -> Listing {
        Listing(
            fields: [
                .init(name: "ID", heading: "CONTAINER ID"), .init(name: "Image", heading: "IMAGE"),
                .init(name: "Command", heading: "COMMAND"),
                .init(name: "CreatedAt", heading: "CREATED AT"), .init(name: "RunningFor", heading: "CREATED"),
                .init(name: "Ports", heading: "PORTS"), .init(name: "State", heading: "STATE"), .init(name: "Status", heading: "STATUS"),
                .init(name: "Size", heading: "SIZE"), .init(name: "Names", heading: "NAMES"), .init(name: "Labels", heading: "LABELS"),
                .init(name: "Mounts", heading: "MOUNTS"), .init(name: "LocalVolumes", heading: "LOCAL VOLUMES"),
                .init(name: "Networks", heading: "NETWORKS"),
            ],
            table: "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
                + (showsSize ? "\t{{.Size}}" : ""),
            key: "ID")
    }

    static func make(_ container: ContainerSummary, now: Timestamp, truncates: Bool) -> Listing.Row {
        let names = container.names.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        // Names of links to it (`/other/alias`) are left out, as long as they are not asked for in full.
        let ownNames = truncates ? names.filter { !$0.contains("/") } : names
        let volumes = container.mounts.filter { $0.driver == "local" }.count
        let mounts = container.mounts.map { mount in
            let name = mount.name.isEmpty ? mount.source : mount.name
            return truncates ? Human.ellipsis(name, 15) : name
        }
        let fields = [
            "ID": truncates ? Human.shortID(container.id) : container.id,
            "Image": image(container, truncates: truncates),
            "Command": Human.quoted(truncates ? Human.ellipsis(container.command, 20) : container.command),
            "CreatedAt": Timestamp(seconds: container.created).local,
            "RunningFor": Human.duration(seconds: Human.difference(now.seconds, container.created)) + " ago",
            "Ports": PortList.text(container.ports),
            "State": container.state,
            "Status": container.status,
            "Size": size(container),
            "Names": ownNames.joined(separator: ","),
            "Labels": container.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","),
            "Mounts": mounts.joined(separator: ","),
            "LocalVolumes": "\(volumes)",
            "Networks": container.networkSettings.networks.keys.sorted().joined(separator: ","),
        ]
        return Listing.Row(fields: fields, labels: container.labels)
    }

    private static func image(_ container: ContainerSummary, truncates: Bool) -> String {
        if container.image.isEmpty { return "<no image>" }
        guard truncates else { return container.image }
        if container.image.hasPrefix("sha256:") || container.image == container.imageID { return Human.shortID(container.image) }
        // A name with tag and digest is shown without its digest.
        if let at = container.image.firstIndex(of: "@"), container.image[..<at].split(separator: "/").last?.contains(":") ?? false {
            return String(container.image[..<at])
        }
        return container.image
    }

    private static func size(_ container: ContainerSummary) -> String {
        let own = Human.size(container.sizeRw)
        return container.sizeRootFs > 0 ? "\(own) (virtual \(Human.size(container.sizeRootFs)))" : own
    }
}
