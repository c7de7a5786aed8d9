internal import CTimber
internal import Glibc

/// One thread for one piece of work, joined by whoever started it.
public struct OwnThread: ~Copyable {
    private let thread: pthread_t

    /// Starts a thread.
    /// - Parameters:
    ///   - name: at most 15 characters, seen in `ps -L`.
    ///   - body: the work; hands over its result by itself.
    /// - Throws: `SystemError` when no thread can be made.
    public init(named name: String, _ body: @escaping @Sendable () -> Void) throws {
        let box = Unmanaged.passRetained(Work(name, body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        if result != 0 {
            box.release()
            throw SystemError(call: "pthread_create", errno: result, what: name)
        }
        self.thread = thread
    }

    /// Waits for the end of the work.
    public consuming func join() {
        pthread_join(thread, nil)
    }

    /// Gives the calling thread a umask of its own, 0, so that files are born with exactly the mode asked for.
    ///
    /// Only for threads that end afterwards: the thread no longer shares working directory, root and umask with the process.
    /// - Throws: `SystemError`.
    public static func clearUmask() throws {
        try checking("unshare", "CLONE_FS") { timber_unshare(CLONE_FS) }
        umask(0)
    }
}

private final class Work: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        // The name is for people: without it the thread works as well.
        _ = name.withCString { timber_prctl(PR_SET_NAME, UInt(bitPattern: $0), 0, 0, 0) }
        body()
    }
}
