internal import ArgumentParser
internal import DockerAPI

/// `system df`: what takes how much of the disk.
struct DiskUsageCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "df",
        abstract: "Print what takes how much of the disk",
        usage: "tctl system df [OPTIONS]",
        discussion: """
            Examples:
              tctl system df
              tctl system df -v
              tctl system df --format '{{.Type}}: {{.Reclaimable}}'
            """
    )
    static let shape = CommandShape(switches: ["v,verbose"], arguments: .none)

    @Flag(name: .shortAndLong, help: "Print every image, container and volume")
    var verbose = false
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?

    func run(in session: Session) throws {
        if verbose && format != nil { throw CommandFailure("-v and --format exclude each other") }
        let usage = try JSONDecoding.read(DiskUsage.self, from: try session.client.json(.get("/system/df")))
        if verbose {
            try Console.print(try DiskUsageDetails(usage: usage).text())
        } else {
            try DiskUsageSummary.listing.print(DiskUsageSummary.rows(usage), format: format, quiet: false)
        }
    }
}

/// One row for each kind of object.
enum DiskUsageSummary {
    static let listing = Listing(
        fields: [
            .init(name: "Type", heading: "TYPE"), .init(name: "TotalCount", heading: "TOTAL"), .init(name: "Active", heading: "ACTIVE"),
            .init(name: "Size", heading: "SIZE"), .init(name: "Reclaimable", heading: "RECLAIMABLE"),
        ],
        table: "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", key: "Type")

    static func rows(_ usage: DiskUsage) -> [Listing.Row] {
        let images = usage.images ?? []
        // What an image shares with others stays when it goes.
        let used = images.filter { $0.containers > 0 && $0.sharedSize >= 0 }.map { Human.difference($0.size, $0.sharedSize) }
        let containers = usage.containers ?? []
        let active = containers.filter { ["running", "paused", "restarting"].contains($0.state) }
        let volumes = (usage.volumes ?? []).compactMap(\.usageData)
        let cache = usage.buildCache ?? []
        return [
            row(
                "Images", images.count, images.filter { $0.containers > 0 }.count, usage.layersSize,
                Human.difference(usage.layersSize, Human.total(used))),
            row(
                "Containers", containers.count, active.count, Human.total(containers.map(\.sizeRw)),
                Human.difference(Human.total(containers.map(\.sizeRw)), Human.total(active.map(\.sizeRw)))),
            row(
                "Local Volumes", (usage.volumes ?? []).count, volumes.filter { $0.refCount > 0 }.count,
                Human.total(volumes.map { max(0, $0.size) }), Human.total(volumes.filter { $0.refCount == 0 }.map { max(0, $0.size) })),
            row(
                "Build Cache", cache.count, cache.filter(\.inUse).count, Human.total(cache.map(\.size)),
                Human.total(cache.filter { !$0.inUse && !$0.shared }.map(\.size)), showsPercent: false),
        ]
    }

    private static func row(
        _ type: String, _ count: Int, _ active: Int, _ size: Int64, _ reclaimable: Int64, showsPercent: Bool = true
    ) -> Listing.Row {
        let percent =
            showsPercent && size > 0 ? " (\(Int64(exactly: (Double(reclaimable) / Double(size) * 100).rounded(.towardZero)) ?? 0)%)" : ""
        return Listing.Row(fields: [
            "Type": type, "TotalCount": "\(count)", "Active": "\(active)", "Size": Human.size(size, digits: 4),
            "Reclaimable": Human.size(reclaimable, digits: 4) + percent,
        ])
    }
}

/// Every object with its size, in a table for each kind.
struct DiskUsageDetails {
    let usage: DiskUsage

    func text() throws -> String {
        let now = Timestamp.now
        let images = (usage.images ?? []).compactMap {
            ImageRow.make($0, now: now, truncates: true, showsDigests: false).first
        }
        let containers = (usage.containers ?? []).map { container in
            // The image is counted above.
            var container = container
            container.sizeRootFs = 0
            return ContainerRow.make(container, now: now, truncates: true)
        }
        let volumes = (usage.volumes ?? []).map { volume in
            Listing.Row(fields: [
                "Name": volume.name, "Links": "\(volume.usageData?.refCount ?? -1)",
                "Size": volume.usageData.map { $0.size < 0 ? "N/A" : Human.size($0.size, digits: 4) } ?? "N/A",
            ])
        }
        var imageTable = ImageRow.listing(showsDigests: false)
        imageTable.table =
            "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}"
        var containerTable = ContainerRow.listing(showsSize: true)
        containerTable.table =
            "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}"
        let volumeTable = Listing(
            fields: [
                .init(name: "Name", heading: "VOLUME NAME"), .init(name: "Links", heading: "LINKS"), .init(name: "Size", heading: "SIZE"),
            ], table: "table {{.Name}}\t{{.Links}}\t{{.Size}}", key: "Name")
        // Timber builds no images: the table is there for programs that read docker's, and stays empty.
        let cache = Human.total((usage.buildCache ?? []).map(\.size))
        let cacheTable = Listing(
            fields: [
                .init(name: "ID", heading: "CACHE ID"), .init(name: "CacheType", heading: "CACHE TYPE"),
                .init(name: "Size", heading: "SIZE"),
                .init(name: "CreatedSince", heading: "CREATED"), .init(name: "LastUsedSince", heading: "LAST USED"),
                .init(name: "UsageCount", heading: "USAGE"), .init(name: "Shared", heading: "SHARED"),
            ],
            table: "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
            key: "ID")
        return try "Images space usage:\n\n" + imageTable.render(images, format: nil, quiet: false)
            + "\nContainers space usage:\n\n" + containerTable.render(containers, format: nil, quiet: false)
            + "\nLocal Volumes space usage:\n\n" + volumeTable.render(volumes, format: nil, quiet: false)
            + "\nBuild cache usage: \(Human.size(cache, digits: 4))\n\n" + cacheTable.render([], format: nil, quiet: false)
    }
}
