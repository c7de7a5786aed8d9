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

    /// Runs a body on a thread of its own and waits for it: whatever it does to the thread's namespaces ends with the thread.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws; `SystemError` when no thread can be made.
    public static func run<Value: Sendable>(named name: String, _ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let outcome = Outcome<Value>()
        let thread = try OwnThread(named: name) { outcome.result = Result(catching: body) }
        thread.join()
        guard let result = outcome.result else { throw SystemError(call: "pthread_join", errno: ESRCH, what: name) }
        return try result.get()
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

private final class Outcome<Value: Sendable>: @unchecked Sendable {
    // Written by the thread, read after it was joined.
    var result: Result<Value, any Error>?
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
