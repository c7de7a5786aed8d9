internal import Glibc
internal import Synchronization

/// Threads for system calls that block: the cooperative pool has as few threads as the machine has cores, and one blocked
/// thread there is a core lost to every other task.
public final class BlockingPool: Sendable {
    /// The pool that the daemon's modules share.
    public static let shared = BlockingPool(threads: 16)

    /// For what blocks as long as a client pleases, the bodies of loads and saves: containers start and stop meanwhile.
    public static let transfers = BlockingPool(threads: 64)

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var idle = 0
        var threads = 0
    }

    private let limit: Int
    private let state = Mutex(State())
    private let wake: Semaphore

    /// Makes a pool that starts threads as they are needed.
    /// - Parameter threads: how many at the most.
    public init(threads: Int) {
        limit = threads
        wake = Semaphore()
    }

    /// Runs a blocking body on one of the pool's threads.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Result(catching: body)) }
        }
    }

    private func submit(_ job: @escaping @Sendable () -> Void) {
        let startThread = state.withLock { state in
            state.jobs.append(job)
            let waiting = state.jobs.count - state.head
            if waiting > state.idle && state.threads < limit {
                state.threads += 1
                return true
            }
            return false
        }
        if startThread { start() }
        wake.signal()
    }

    private func start() {
        let box = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<BlockingPool>.fromOpaque(argument).takeRetainedValue().work() }
                return nil
            }, box.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            box.release()
            state.withLock { $0.threads -= 1 }
        }
    }

    private func work() {
        while true {
            state.withLock { $0.idle += 1 }
            wake.wait()
            let job: (@Sendable () -> Void)? = state.withLock { state in
                state.idle -= 1
                guard state.head < state.jobs.count else { return nil }
                let job = state.jobs[state.head]
                state.head += 1
                if state.head == state.jobs.count {
                    state.jobs.removeAll(keepingCapacity: true)
                    state.head = 0
                }
                return job
            }
            job?()
        }
    }
}

/// sem_t on the heap: its address must not change.
private final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() {
        sem_post(semaphore)
    }

    func wait() {
        while sem_wait(semaphore) != 0 {}
    }
}
