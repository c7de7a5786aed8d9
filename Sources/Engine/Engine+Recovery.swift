internal import Errors
internal import Foundation
internal import Glibc
internal import Images
internal import LinuxKernel
internal import Networks
internal import State

extension Engine {
    /// Takes over what an earlier daemon left, then opens the network. Call once, before the API is served.
    public func recover() async throws {
        let seccomp = services.seccomp
        Task.detached { try await BlockingPool.shared.run { try seccomp.prepare() } }
        try services.trash.empty()
        try services.directories.renew { try services.trash.discard($0) }
        try await services.images.recover()
        try await services.volumes.recover()
        try await readNetworks()
        let records = try await services.database.containers()
        var pending: [(container: Container, adoption: Adoption)] = []
        var attachments: [NetworkManager.Attachment] = []
        var untouched: Set<String> = []
        for record in records {
            do {
                let (container, adoption) = try await adopt(record)
                pending.append((container, adoption))
                guard case .follow = adoption else { continue }
                let run = await container.run
                attachments += run.endpoints.map {
                    NetworkManager.Attachment(
                        endpoint: $0, ports: Container.ports(run.ports, of: $0, run.route, run.route6), owner: record.name)
                }
            } catch {
                // Quarantine: the row, the files and the processes stay as they are, for somebody to look at.
                untouched.insert(record.id)
                _ = services.registry.reserve(name: record.name, for: record.id)
                services.log.error(
                    "cannot take over a container; it is left untouched", metadata: ["container": "\(record.id)", "error": "\(error)"])
            }
        }
        let running = pending.filter { if case .nothing = $0.adoption { false } else { true } }.map(\.container.id)
        try await services.volumes.recoverMounts(running: untouched.union(running))
        try await services.networks.start(
            networks: services.userNetworks.all.map(\.configuration), untouched: services.userNetworks.unreadable, expected: attachments)
        await withTaskGroup(of: Void.self) { [log = services.log] group in
            for (container, adoption) in pending {
                group.addTask {
                    do {
                        try await container.complete(adoption)
                    } catch {
                        log.error("cannot take over a container", metadata: ["container": "\(container.id)", "error": "\(error)"])
                    }
                }
            }
        }
        try await removeOrphans(known: Set(records.map(\.id)), untouched: untouched)
    }

    /// Starts the containers whose restart policy wants it, in the order of their creation and a few at a time. Call once, after
    /// `recover`. Returns when it is decided which they are; they start meanwhile.
    public func startContainers() async {
        let gate = Gate(limit: 4)
        for snapshot in services.registry.snapshots.sorted(by: { $0.definition.created < $1.definition.created }) {
            guard let container = services.registry.container(id: snapshot.id) else { continue }
            do {
                if try await container.daemonStarted() { await container.restart(through: gate) }
            } catch {
                services.log.error(
                    "cannot start a container with the daemon", metadata: ["container": "\(snapshot.id)", "error": "\(error)"])
            }
        }
    }

    private func readNetworks() async throws {
        for record in try await services.database.networks() {
            do {
                services.userNetworks.add(try JSONDecoder().decode(UserNetwork.self, from: Data(record.definition)))
            } catch {
                services.userNetworks.quarantine(record)
                services.log.error(
                    "cannot read a network's record; it is left untouched", metadata: ["network": "\(record.name)", "error": "\(error)"])
            }
        }
    }

    /// Ends what belongs to this daemon only; containers go on.
    public func shutDown() async {
        await services.registries.shutdown()
        await services.networks.shutDown()
        await removeCgroupParent()
        await services.journal.flush()
    }

    private func removeCgroupParent() async {
        do {
            let (cgroups, lock) = (services.cgroups, parentLock)
            try await BlockingPool.shared.run {
                try cgroups.removeParent()
                try lock.remove()
            }
        } catch let error as TimberError where error.code == .conflict {
            // Containers run on in it.
        } catch {
            services.log.warning("cannot remove the cgroup of all containers", metadata: ["error": "\(error)"])
        }
    }

    /// Removes everything that Timber made in the host's network.
    /// - Throws: `TimberError.conflict` while containers run.
    public func cleanNetwork() async throws {
        try await recover()
        if let running = services.registry.snapshots.first(where: { $0.lifecycle.run != nil }) {
            throw TimberError(.conflict, "container \(running.name) is running: stop it before the network is removed")
        }
        try await services.networks.tearDown()
        await removeCgroupParent()
    }

    private func adopt(_ record: ContainerRecord) async throws -> (Container, Adoption) {
        let decoder = JSONDecoder()
        let definition = try decoder.decode(Definition.self, from: Data(record.definition))
        let stored = try decoder.decode(StoredState.self, from: Data(record.state))
        let container = Container(
            id: record.id, name: record.name, definition: definition, lifecycle: stored.lifecycle, services: services, isAdopted: true)
        _ = services.registry.reserve(name: record.name, for: record.id)
        services.registry.add(container, await container.snapshot)
        return (container, try await container.adopt(stored))
    }

    /// 64 lower-case hexadecimal digits.
    private static func isContainerID(_ name: String) -> Bool {
        name.utf8.count == 64 && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Removes directories and cgroups that no row names.
    /// - Parameters:
    ///   - known: every container on record.
    ///   - untouched: those of them that could not be taken over; they may run.
    private func removeOrphans(known: Set<String>, untouched: Set<String>) async throws {
        let (paths, trash, cgroups, log) = (services.paths, services.trash, services.cgroups, services.log)
        let running = untouched.union(
            services.registry.snapshots.filter { $0.lifecycle.run != nil || $0.lifecycle.phase == .starting }.map(\.id))
        try await BlockingPool.shared.run {
            for id in try Tree.names(paths.containers) where !known.contains(id) {
                log.notice("removing a container directory that no record names", metadata: ["container": "\(id)"])
                try trash.discard("\(paths.containers)/\(id)")
            }
            // What cannot be removed now is no reason not to start: it is tried again at the next one.
            for id in try Tree.names(paths.bundles) where !running.contains(id) {
                do {
                    try Tree.remove("\(paths.bundles)/\(id)")
                } catch {
                    log.warning("cannot remove an old bundle", metadata: ["container": "\(id)", "error": "\(error)"])
                }
            }
            do {
                for id in try cgroups.removeOrphans(known: running, matching: Self.isContainerID) {
                    log.notice("removed a cgroup that no running container has", metadata: ["container": "\(id)"])
                }
            } catch {
                log.warning("cannot remove a cgroup that no running container has", metadata: ["error": "\(error)"])
            }
        }
    }
}
