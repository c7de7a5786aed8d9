import Foundation
import LinuxKernel

@testable import Networks

struct CommandFailed: Error {
    var command: String
    var status: Int32
    var output: String
}

/// A program that runs inside a namespace, with its output in a pipe.
final class Command {
    let pid: pid_t
    private let output: FileHandle
    private var reaped = false

    init(_ arguments: [String], in namespace: NetworkNamespace) throws {
        let pipe = Pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipe.fileHandleForWriting.fileDescriptor, 1)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Threads of Dispatch block signals; the program starts with none blocked.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let argv = ["nsenter", "--net=/proc/\(getpid())/fd/\(namespace.raw)", "--"] + arguments
        var pointers = argv.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, "/usr/bin/nsenter", &actions, &attributes, &pointers, environ)
        guard error == 0 else { throw SystemError(call: "posix_spawn", errno: error, what: argv.joined(separator: " ")) }
        self.pid = pid
        output = pipe.fileHandleForReading
        try pipe.fileHandleForWriting.close()
    }

    deinit { kill() }

    /// Reads to the end and waits.
    func finish(_ name: String) throws -> String {
        let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        reaped = true
        guard status == 0 else { throw CommandFailed(command: name, status: status, output: text) }
        return text
    }

    func kill() {
        guard !reaped else { return }
        Glibc.kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        reaped = true
    }
}
