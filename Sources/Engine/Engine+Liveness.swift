internal import LinuxKernel

extension Engine {
    /// Goes the way of every request that changes something: a thread for calls that block, the registry, the state's only writer.
    /// Returns when all of them have answered: a daemon in which one of them stands still is of no use to anybody.
    /// - Returns: how many containers run, and how many there are.
    /// - Throws: `TimberError` when the state cannot be used.
    public func checkLiveness() async throws -> (running: Int, all: Int) {
        try await BlockingPool.shared.run {}
        try await services.database.checkLiveness()
        let snapshots = services.registry.snapshots
        return (snapshots.filter(\.lifecycle.isUp).count, snapshots.count)
    }
}
