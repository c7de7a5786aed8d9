internal import Errors
internal import Layers
internal import LinuxKernel
internal import State
internal import Synchronization

/// Ids of the layers that a load has unpacked.
final class CreatedLayers: Sendable {
    private let list = Mutex<[Int64]>([])

    var ids: [Int64] { list.withLock { $0 } }

    func add(_ id: Int64) {
        list.withLock { $0.append(id) }
    }
}

/// Stops the other unpackings when one fails or the load is cancelled, and remembers what failed first.
final class UnpackingStop: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private let failure = Mutex<(any Error)?>(nil)

    var first: (any Error)? { failure.withLock { $0 } }

    func stop(because error: (any Error)? = nil) {
        failure.withLock { if $0 == nil { $0 = error } }
        isStopped.store(true, ordering: .releasing)
    }

    func check() throws {
        if isStopped.load(ordering: .acquiring) { throw CancellationError() }
    }
}

extension ImageLoad {
    private typealias Unpacked = (item: LayerPlan.Item, id: Int64, layer: UnpackedLayer)

    /// Finds or makes every layer of the plan.
    /// - Returns: by chain id.
    func resolve(_ plan: LayerPlan, _ created: CreatedLayers) async throws -> [Digest: LayerRecord] {
        var resolved = try await BlockingPool.shared.run { try self.existing(plan) }
        var waiting = plan.items.filter { resolved[$0.chainID] == nil }
        var needy: [Digest: (record: LayerRecord, needs: LowerNeeds)] = [:]
        while !waiting.isEmpty {
            // Each diff once: only a layer that needs those below is unpacked again for another chain.
            var diffs: Set<Digest> = []
            let round = waiting.filter { diffs.insert($0.diffID).inserted }
            for (item, id, layer) in try await unpack(round, created) {
                if let needs = layer.needs {
                    needy[item.chainID] = (Self.record(id, layer, chainID: item.chainID.description), needs)
                } else {
                    for same in plan.items where same.diffID == item.diffID { resolved[same.chainID] = Self.record(id, layer, chainID: "") }
                }
            }
            waiting.removeAll { resolved[$0.chainID] != nil || needy[$0.chainID] != nil }
        }
        return try await complete(plan, resolved, needy)
    }

    private func existing(_ plan: LayerPlan) throws -> [Digest: LayerRecord] {
        var resolved: [Digest: LayerRecord] = [:]
        for item in plan.items {
            let diffID = item.diffID.description
            guard
                let record = try store.database.holdLayer(diffID: diffID, chainID: "", by: holder)
                    ?? store.database.holdLayer(diffID: diffID, chainID: item.chainID.description, by: holder)
            else { continue }
            resolved[item.chainID] = record
            progress(.exists(layer: item.diffID))
        }
        return resolved
    }

    private func unpack(_ items: [LayerPlan.Item], _ created: CreatedLayers) async throws -> [Unpacked] {
        let stop = UnpackingStop()
        return try await withTaskCancellationHandler {
            do {
                return try await withThrowingTaskGroup(of: Unpacked.self) { group in
                    var results: [Unpacked] = []
                    for (index, item) in items.enumerated() {
                        if index >= Self.parallelLayers, let result = try await group.next() { results.append(result) }
                        group.addTask { try await self.unpack(item, created, stop) }
                    }
                    for try await result in group { results.append(result) }
                    return results
                }
            } catch {
                throw stop.first ?? error
            }
        } onCancel: {
            stop.stop()
        }
    }

    private func unpack(_ item: LayerPlan.Item, _ created: CreatedLayers, _ stop: UnpackingStop) async throws -> Unpacked {
        let (store, progress) = (self.store, self.progress)
        do {
            return try await BlockingPool.shared.run {
                try stop.check()
                var reported: Int64 = 0
                let (id, layer) = try store.layers.unpack(item.blob, diffID: item.diffID) { done in
                    try stop.check()
                    if done - reported >= 4 << 20 || done == item.blob.size {
                        reported = done
                        progress(.unpacking(layer: item.diffID, done: done, total: item.blob.size))
                    }
                }
                created.add(id)
                progress(.unpacked(layer: item.diffID))
                return (item, id, layer)
            }
        } catch {
            stop.stop(because: error is CancellationError ? nil : error)
            throw error
        }
    }

    /// Completes the layers that need those below them, lower ones first.
    private func complete(
        _ plan: LayerPlan, _ complete: [Digest: LayerRecord], _ needy: [Digest: (record: LayerRecord, needs: LowerNeeds)]
    ) async throws -> [Digest: LayerRecord] {
        if needy.isEmpty { return complete }
        let store = self.store
        return try await BlockingPool.shared.run {
            var resolved = complete
            for item in plan.items {
                guard let (record, needs) = needy[item.chainID] else { continue }
                var lower: [Int64] = []
                for chainID in item.lower {
                    guard let below = resolved[chainID] else { throw TimberError(.internal, "layer \(chainID) was not unpacked") }
                    lower.append(below.id)
                    if below.hidesLower { break }
                }
                do {
                    try store.layers.complete(record.id, needs: needs, lower: record.hidesLower ? [] : lower)
                } catch let error as TimberError {
                    throw TimberError(error.code, "layer \(item.blob.digest) (\(item.blob.name)): \(error)")
                } catch {
                    throw TimberError(.internal, "layer \(item.blob.digest) (\(item.blob.name))", cause: error)
                }
                resolved[item.chainID] = record
            }
            return resolved
        }
    }

    private static func record(_ id: Int64, _ layer: UnpackedLayer, chainID: String) -> LayerRecord {
        LayerRecord(
            id: id, diffID: layer.diffID.description, chainID: chainID, size: layer.size,
            root: layer.root.map { (mode: $0.mode, uid: $0.uid, gid: $0.gid) }, hidesLower: layer.hidesLower)
    }
}
