internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Logging
internal import Synchronization

/// Containers' own directories made ahead. On a disk each new file costs a quarter of a millisecond, and a container has seven before
/// it runs; given a name, one that is ready costs a rename(2).
///
/// What is ready is nobody's: a daemon that starts throws away what the one before has left.
final class DirectoryPool: Sendable {
    /// Making more waits until none was taken for this long: by then the start that took one waits for its shim.
    private static let quiet = Duration.milliseconds(4)

    private struct State {
        /// Names in the directory.
        var ready: [String] = []
        var lastTaken = ContinuousClock.now
        var isFilling = false
    }

    private let directory: String
    private let limit: Int
    private let log: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - directory: an existing one that only root can enter, on the file system of the containers.
    ///   - limit: how many are made ahead.
    init(directory: String, limit: Int = 4, log: Logger) {
        self.directory = directory
        self.limit = limit
        self.log = log
    }

    /// How many are ready.
    var readyCount: Int { state.withLock { $0.ready.count } }

    /// Makes a container's directory, complete at once. Blocks.
    /// - Parameters:
    ///   - path: of the new directory.
    ///   - root: what the upper directory is to be like.
    /// - Throws: `SystemError`.
    func place(at path: String, root: RootDirectory) throws {
        defer { startFilling() }
        let made = try takeReady() ?? make()
        let upper = "\(directory)/\(made)/upper"
        try retrying("chown", upper) { chown(upper, root.uid, root.gid) }
        try retrying("chmod", upper) { chmod(upper, mode_t(root.mode)) }
        try retrying("rename", path) { rename("\(directory)/\(made)", path) }
    }

    /// Throws away what an earlier daemon had ready, and makes the first ones in the background.
    /// - Throws: `SystemError`.
    func renew(trash: (String) throws -> Void) throws {
        for name in try Tree.names(directory) { try trash("\(directory)/\(name)") }
        startFilling()
    }

    private func takeReady() -> String? {
        while let name = state.withLock({ state in
            state.lastTaken = .now
            return state.ready.popLast()
        }) {
            // Somebody may have tidied up.
            if Files.isDirectory("\(directory)/\(name)/upper") == true { return name }
        }
        return nil
    }

    private func make() throws -> String {
        let name = String(UInt64.random(in: .min ... .max), radix: 16)
        let path = "\(directory)/\(name)"
        try Files.makeDirectory(path)
        try Files.makeDirectory("\(path)/upper", mode: 0o755)
        try Files.makeDirectory("\(path)/work")
        for file in EtcFiles.names { try Files.write([], to: "\(path)/\(file)", mode: 0o644) }
        try Files.write([], to: "\(path)/log", mode: 0o640)
        return name
    }

    private func startFilling() {
        let starts = state.withLock { state in
            if state.isFilling || state.ready.count >= limit { return false }
            state.isFilling = true
            return true
        }
        if starts { Task.detached { await self.fill() } }
    }

    private func fill() async {
        do {
            while let pause = nextStep() {
                if pause > .zero {
                    try await Task.sleep(for: pause)
                } else {
                    let name = try await BlockingPool.shared.run { try self.make() }
                    state.withLock { $0.ready.append(name) }
                }
            }
        } catch {
            // Whoever needs one makes it, and says why that is not possible; the next one that is taken tries again.
            log.warning("cannot make a container's directory ahead", metadata: ["error": "\(error)"])
            state.withLock { $0.isFilling = false }
        }
    }

    /// How long to wait before the next one is made; nil when there are enough.
    private func nextStep() -> Duration? {
        state.withLock { state in
            guard state.ready.count < limit else {
                state.isFilling = false
                return nil
            }
            return max(.zero, Self.quiet - state.lastTaken.duration(to: .now))
        }
    }
}
