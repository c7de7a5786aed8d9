import APIServer
import DockerAPI
import Errors
import Foundation
import Glibc
import LinuxKernel
import Logging
import Synchronization
import Testing

/// Threads for the blocking clients: on the cooperative pool they would starve the server under test.
private let clients = BlockingPool(threads: 128)

func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await clients.run(body)
}

func onNewThread(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread(body)
}

func socketPair() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    try retrying("socketpair") { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) }
    return (ends[0], ends[1])
}

/// Bytes in which every cut shows: a period that no buffer has.
enum Pattern {
    static let period = 65_521
    private static let twice = (0..<2 * period).map { UInt8(truncatingIfNeeded: $0 % period &* 167 >> 3) }

    /// So many bytes from an offset, at most a period.
    static func bytes(at offset: Int, _ count: Int) -> ArraySlice<UInt8> {
        twice[offset % period..<offset % period + count]
    }

    static func matches(_ bytes: ArraySlice<UInt8>, at offset: Int) -> Bool {
        bytes.withUnsafeBytes { left in
            Self.bytes(at: offset, bytes.count).withUnsafeBytes { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return true }
                return memcmp(left, right, bytes.count) == 0
            }
        }
    }
}

/// What came through a descriptor.
struct Received {
    var bytes = 0
    /// It is `Pattern` from its beginning on.
    var isPattern = true
}

/// Reads a descriptor to its end, or a little more than `stopAfter` bytes.
func readAll(_ descriptor: Int32, stopAfter: Int? = nil) throws -> Received {
    var buffer = [UInt8](repeating: 0, count: Pattern.period)
    var result = Received()
    while true {
        let count = try retrying("read") { read(descriptor, &buffer, buffer.count) }
        if count == 0 { return result }
        if !Pattern.matches(buffer[..<count], at: result.bytes) { result.isPattern = false }
        result.bytes += count
        if let stopAfter, result.bytes > stopAfter { return result }
    }
}

func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
        sent += try bytes.withUnsafeBytes { buffer in
            try retrying("send") { send(descriptor, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
        }
    }
}

/// How long a client waits for the server's next bytes: as long as it takes, on a machine that has other things to do.
let patience = 60.0

/// Something that happens once and can be waited for.
final class Event<Value: Sendable>: Sendable {
    private let state = Mutex<(value: Value?, waiting: [UUID: CheckedContinuation<Value, any Error>])>((nil, [:]))

    var value: Value? { state.withLock { $0.value } }

    func set(_ value: Value) {
        let waiting = state.withLock { state in
            state.value = value
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume(returning: value) }
    }

    func wait() async throws -> Value {
        let id = UUID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Looked at once, in the lock: a task that is cancelled later finds its continuation there, and nobody else resumes it.
                let now: Result<Value, any Error>? = state.withLock { state in
                    if let value = state.value { return .success(value) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            let waiting = state.withLock { $0.waiting.removeValue(forKey: id) }
            waiting?.resume(throwing: CancellationError())
        }
    }
}

/// Polls until something holds.
func eventually(_ seconds: Double = 60, _ condition: @Sendable () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return condition()
}

/// A fresh directory with a short path: the address of a Unix socket has 108 bytes. The caller removes it.
func scratchDirectory() throws -> String {
    let directory = "/tmp/ttapi-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    return directory
}

/// Runs a server on a socket in a fresh directory.
func withServer<Value: Sendable>(
    _ backend: FakeBackend = FakeBackend(), configure: (inout APIServer.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (String) async throws -> Value
) async throws -> Value {
    let directory = try scratchDirectory()
    defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: directory) } }
    let path = "\(directory)/d.sock"
    var log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    log.logLevel = .debug
    var configuration = APIServer.Configuration()
    configuration.version = "1.2.3"
    configure(&configuration)
    let server = APIServer(backend: backend, log: log, configuration: configuration)
    let listening = HandOver(try ListeningSocket.make(path: path, group: "no-such-group", log: log))
    let running = Task { try await server.run(listening: listening.take()) }
    do {
        let value = try await body(path)
        server.shutdown()
        try await running.value
        return value
    } catch {
        server.shutdown()
        try await running.value
        throw error
    }
}

/// Carries a descriptor into a task.
final class HandOver: Sendable {
    private let number: Mutex<Int32>
    init(_ descriptor: consuming Descriptor) { number = Mutex(descriptor.release()) }
    func take() -> Descriptor { Descriptor(owning: number.withLock { $0 }) }
}
