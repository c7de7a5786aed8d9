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
    private let abandon: @Sendable () -> Void

    /// - Parameter abandon: called when it stops, to wake what waits.
    init(abandon: @escaping @Sendable () -> Void = {}) {
        self.abandon = abandon
    }

    var first: (any Error)? { failure.withLock { $0 } }

    func stop(because error: (any Error)? = nil) {
        failure.withLock { if $0 == nil { $0 = error } }
        isStopped.store(true, ordering: .releasing)
        abandon()
    }

    func check() throws {
        if isStopped.load(ordering: .acquiring) { throw CancellationError() }
    }
}

extension ImageLoad {
    private typealias Unpacked = (item: LayerPlan.Item, id: Int64, layer: UnpackedLayer)

    /// Finds or makes every layer of the plan, and proves every blob to be the layer that its image says it is.
    /// - Returns: by chain id.
    func resolve(_ plan: LayerPlan, _ created: CreatedLayers) async throws -> [Digest: LayerRecord] {
        var proven: Set<LayerPlan.Claim> = []
        var resolved = try await BlockingPool.shared.run { try self.existing(plan) }
        var waiting = plan.items.filter { resolved[$0.chainID] == nil }
        var needy: [Digest: (record: LayerRecord, needs: LowerNeeds)] = [:]
        while !waiting.isEmpty {
            // Each diff once: only a layer that needs those below is unpacked again for another chain.
            var diffs: Set<Digest> = []
            let round = waiting.filter { diffs.insert($0.diffID).inserted }
            for (item, id, layer) in try await unpack(round, created) {
                proven.insert(item.claim)
                if let needs = layer.needs {
                    needy[item.chainID] = (Self.record(id, layer, chainID: item.chainID.description), needs)
                } else {
                    for same in plan.items where same.diffID == item.diffID { resolved[same.chainID] = Self.record(id, layer, chainID: "") }
                }
            }
            waiting.removeAll { resolved[$0.chainID] != nil || needy[$0.chainID] != nil }
        }
        try await verify(plan.claims.filter { !proven.contains($0) })
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
        let (store, budget, progress) = (self.store, self.budget, self.progress)
        for item in items { item.blob.prefetch() }
        return try await inParallel(items) { item, stop in
            let report = Self.report(item.claim, stop, progress)
            let (id, layer) = try store.layers.unpack(item.blob, diffID: item.diffID, budget: budget, progress: report)
            created.add(id)
            progress(.unpacked(layer: item.diffID))
            return (item, id, layer)
        }
    }

    /// Proves blobs of layers that are there already: one that was proven before belongs to an image, the others are read through.
    private func verify(_ claims: [LayerPlan.Claim]) async throws {
        let (store, budget, progress) = (self.store, self.budget, self.progress)
        _ = try await inParallel(claims) { claim, stop in
            if try store.database.isBlob(claim.blob.digest.description, of: claim.diffID.description),
                try !claim.blob.isRemote || store.content.has(claim.blob.digest)
            {
                return
            }
            try store.layers.verify(claim.blob, diffID: claim.diffID, budget: budget, progress: Self.report(claim, stop, progress))
        }
    }

    /// Called with every piece of a blob: ends the work when it is to stop, and tells about it now and then.
    private static func report(
        _ claim: LayerPlan.Claim, _ stop: UnpackingStop, _ progress: @escaping @Sendable (LoadProgress) -> Void
    ) -> (Int64) throws -> Void {
        var reported: Int64 = 0
        return { done in
            try stop.check()
            if done - reported >= 4 << 20 || done == claim.blob.size {
                reported = done
                progress(.unpacking(layer: claim.diffID, done: done, total: claim.blob.size))
            }
        }
    }

    /// Does blocking work for several items, a few at a time; the first failure stops the others.
    private func inParallel<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ work: @escaping @Sendable (Item, UnpackingStop) throws -> Value
    ) async throws -> [Value] {
        let stop = UnpackingStop(abandon: abandon)
        return try await withTaskCancellationHandler {
            do {
                return try await withThrowingTaskGroup(of: Value.self) { group in
                    var results: [Value] = []
                    for (index, item) in items.enumerated() {
                        if index >= Self.parallelLayers, let result = try await group.next() { results.append(result) }
                        group.addTask {
                            do {
                                return try await pool.run {
                                    try stop.check()
                                    return try work(item, stop)
                                }
                            } catch {
                                stop.stop(because: error is CancellationError ? nil : error)
                                throw error
                            }
                        }
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

    /// Completes the layers that need those below them, lower ones first.
    private func complete(
        _ plan: LayerPlan, _ complete: [Digest: LayerRecord], _ needy: [Digest: (record: LayerRecord, needs: LowerNeeds)]
    ) async throws -> [Digest: LayerRecord] {
        if needy.isEmpty { return complete }
        let (store, budget) = (self.store, self.budget)
        let stop = UnpackingStop(abandon: abandon)
        return try await withTaskCancellationHandler {
            try await BlockingPool.shared.run {
                var resolved = complete
                for item in plan.items {
                    guard let (unpacked, needs) = needy[item.chainID] else { continue }
                    var record = unpacked
                    var lower: [Int64] = []
                    for chainID in item.lower {
                        guard let below = resolved[chainID] else { throw TimberError(.internal, "layer \(chainID) was not unpacked") }
                        lower.append(below.id)
                        if below.hidesLower { break }
                    }
                    record.size += try store.layers.complete(
                        record.id, item.blob, needs: needs, lower: record.hidesLower ? [] : lower, budget: budget, progress: stop.check)
                    resolved[item.chainID] = record
                }
                return resolved
            }
        } onCancel: {
            stop.stop()
        }
    }

    private static func record(_ id: Int64, _ layer: UnpackedLayer, chainID: String) -> LayerRecord {
        LayerRecord(
            id: id, diffID: layer.diffID.description, chainID: chainID, size: layer.size,
            root: layer.root.map { (mode: $0.mode, uid: $0.uid, gid: $0.gid) }, hidesLower: layer.hidesLower)
    }
}
