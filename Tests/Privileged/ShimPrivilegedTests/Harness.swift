import CTimber
import Errors
import Foundation
import LinuxKernel

/// A directory of one test: `image` (a busybox root), `upper`, `work`, `rootfs`, `bundle`, `log`. Removed at the end.
final class Place {
    let path: String
    var image: String { path + "/image" }
    var bundle: String { path + "/bundle" }
    var log: String { path + "/log" }

    init(applets: Bool = true) throws {
        var template = Array("/tmp/timber-shim-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", errno: timber_errno()) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for name in ["image", "upper", "work", "rootfs", "bundle", "log"] { try make(path + "/" + name) }
        for name in ["bin", "proc", "sys", "dev", "etc", "tmp", "root"] { try make(image + "/" + name) }
        try FileManager.default.linkOrCopy("/bin/busybox", image + "/bin/busybox")
        for applet in applets ? Self.applets : [] {
            try FileManager.default.createSymbolicLink(atPath: image + "/bin/" + applet, withDestinationPath: "busybox")
        }
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { print("cannot remove \(path): \(error)") }
    }

    func make(_ directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    func write(_ file: String, _ text: String, mode: Int = 0o644) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: image + file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: image + file)
    }

    func text(_ file: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path + file)), as: UTF8.self)
    }

    private static let applets = [
        "sh", "cat", "echo", "sleep", "ls", "id", "kill", "stty", "true", "false", "head", "dd", "mount", "readlink", "tty", "test", "grep",
        "hostname", "mkdir", "touch", "stat", "wc", "yes", "seq", "printf", "env", "pwd", "umask", "ps", "su", "trap", "ulimit", "umount",
        "chmod", "rm", "ln", "mknod", "sync", "setsid", "nc", "ip", "ifconfig", "ping", "sort", "tr", "od", "md5sum", "cut", "awk",
        "basename",
    ]
}

extension FileManager {
    func linkOrCopy(_ source: String, _ target: String) throws {
        try copyItem(atPath: source, toPath: target)
    }
}

/// An event as it came.
struct Event: Equatable {
    let type: UInt32
    let process: UInt32
    let value: UInt32
    let payload: [UInt8]

    var testDescription: String {
        if type == TIMBER_EVENT_FAILED { return "failed at stage \(value): \(failure)" }
        return "event \(type) of \(process), value \(value)"
    }

    /// FAILED's errno and detail.
    var failure: (error: Int32, detail: String) {
        let error = payload.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
        return (error, String(decoding: payload.dropFirst(MemoryLayout<timber_failure>.size), as: UTF8.self))
    }

    var exitCode: Int? { type == TIMBER_EVENT_EXITED && value & 0x7f == 0 ? Int(value >> 8 & 0xff) : nil }
    var signal: Int? { type == TIMBER_EVENT_EXITED && value & 0x7f != 0 ? Int(value & 0x7f) : nil }

    var statuses: [timber_status] {
        payload.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: MemoryLayout<timber_status>.stride).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: timber_status.self)
            }
        }
    }
}

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Milliseconds that anything may take: a busy machine needs many, and they cost nothing where it does not.
let patience = 60_000

/// Waits until something is so.
func eventually(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<patience / 10 {
        if try condition() { return true }
        usleep(10_000)
    }
    return try condition()
}

/// A stream socket with deadlines.
final class Socket: Sendable {
    let raw: Int32

    init(_ raw: Int32) {
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    static func pair() throws -> (Socket, Int32) {
        var ends: [Int32] = [-1, -1]
        try retrying("socketpair") { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) }
        return (Socket(ends[0]), ends[1])
    }

    /// Reads up to `limit` bytes; empty at the end.
    func read(_ limit: Int, timeout: Int = patience) throws -> [UInt8] {
        var state = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        guard try retrying("poll", "", { poll(&state, 1, Int32(timeout)) }) > 0 else { throw TimedOut(description: "nothing to read") }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(raw, &bytes, limit, 0)
        if count < 0 && timber_errno() == ECONNRESET { return [] }
        guard count >= 0 else { throw SystemError(call: "recv", errno: timber_errno()) }
        return Array(bytes[..<count])
    }

    func readExactly(_ count: Int, timeout: Int = patience) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let part = try read(count - bytes.count, timeout: timeout)
            if part.isEmpty { return nil }
            bytes += part
        }
        return bytes
    }

    func readAll(timeout: Int = patience) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let part = try read(65536, timeout: timeout)
            if part.isEmpty { return bytes }
            bytes += part
        }
    }

    func write(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            done += try retrying("send") { sendPart(bytes, from: done) }
        }
    }

    private func sendPart(_ bytes: [UInt8], from start: Int) -> Int {
        bytes.withUnsafeBytes { send(raw, $0.baseAddress.map { $0 + start }, $0.count - start, Int32(MSG_NOSIGNAL)) }
    }

    func endOutput() {
        shutdown(raw, Int32(SHUT_WR))
    }

    /// Sends bytes with descriptors on the first one.
    func write(_ bytes: [UInt8], _ descriptors: [Int32]) throws {
        if descriptors.isEmpty { return try write(bytes) }
        var control = [UInt8](repeating: 0, count: timber_cmsg_space(4 * descriptors.count))
        let sent = bytes.withUnsafeBytes { bytes in
            control.withUnsafeMutableBytes { control -> Int in
                var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    if let header = timber_cmsg_first(&message) {
                        header.pointee.cmsg_level = SOL_SOCKET
                        header.pointee.cmsg_type = Int32(SCM_RIGHTS)
                        header.pointee.cmsg_len = timber_cmsg_len(4 * descriptors.count)
                        let room = UnsafeMutableRawBufferPointer(start: timber_cmsg_data(header), count: 4 * descriptors.count)
                        descriptors.withUnsafeBytes { room.copyMemory(from: $0) }
                    }
                    return sendmsg(raw, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        guard sent >= 0 else { throw SystemError(call: "sendmsg", errno: timber_errno()) }
        if sent < bytes.count { try write(Array(bytes[sent...])) }
    }
}

/// A running shim, and timberd's end of it.
final class Shim {
    let place: Place
    let pid: pid_t
    let id: String
    private(set) var control: Socket
    private var isReaped = false
    private let layers: Int32
    private let log: Int32
    private let bundle: Int32

    /// The program under test, beside the test bundle.
    static var program: String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().path + "/timber-shim"
    }

    init(_ place: Place, ownPidNamespace: Bool = false, connects: Bool = true, program: String = Shim.program) throws {
        self.place = place
        id = (0..<8).map { _ in String(UInt32.random(in: 0...UInt32.max), radix: 16) }.joined()
        let listener = try Self.listen(place.bundle + "/shim.sock")
        pid = try Self.spawn(program, id, listener, ownPidNamespace)
        close(listener)
        control = connects ? try Self.connect(place.bundle + "/shim.sock") : Socket(-1)
        layers = try Self.directory(place.path)
        log = try Self.directory(place.log)
        bundle = try Self.directory(place.bundle)
    }

    deinit {
        for descriptor in [layers, log, bundle] { close(descriptor) }
        if !isReaped {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
    }

    private static func directory(_ path: String) throws -> Int32 {
        try retrying("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    private static func address<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    private static func listen(_ path: String) throws -> Int32 {
        unlink(path)
        let listener = try retrying("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }
        try retrying("bind", path) { address(path) { bind(listener, $0, $1) } }
        try retrying("listen", path) { Glibc.listen(listener, 16) }
        return listener
    }

    static func connect(_ path: String) throws -> Socket {
        let socket = Socket(try retrying("socket") { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
        try retrying("connect", path) { address(path) { Glibc.connect(socket.raw, $0, $1) } }
        return socket
    }

    func connect() throws -> Socket {
        try Self.connect(place.bundle + "/shim.sock")
    }

    private static func spawn(_ program: String, _ id: String, _ listener: Int32, _ ownPidNamespace: Bool) throws -> pid_t {
        let words = (ownPidNamespace ? ["unshare", "--pid", "--fork", "--kill-child", program] : ["timber-shim"]) + [id]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, listener, 3)
        var pid = pid_t()
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let file = ownPidNamespace ? "/usr/bin/unshare" : program
        let failed = posix_spawn(&pid, file, &actions, nil, &arguments, [nil])
        guard failed == 0 else { throw SystemError(call: "posix_spawn", errno: failed, what: file) }
        return pid
    }

    // MARK: requests

    func send(
        _ type: UInt32, process: UInt32 = 0, value: UInt32 = 0, _ payload: [UInt8] = [], descriptors: [Int32] = [], on socket: Socket? = nil
    ) throws {
        let frame = timber_frame(length: UInt32(payload.count), type: type, process: process, value: value)
        let bytes = withUnsafeBytes(of: frame) { Array($0) } + payload
        try (socket ?? control).write(bytes, descriptors)
    }

    func launch(_ spec: ContainerSpec, _ tamper: (inout [UInt8]) -> Void = { _ in }) throws {
        var (payload, descriptors) = spec.encode(place, id: id, log: log, bundle: bundle, layers: layers)
        tamper(&payload)
        try send(TIMBER_REQUEST_LAUNCH, payload, descriptors: descriptors)
    }

    func exec(_ number: UInt32, _ spec: ProcessSpec) throws {
        try send(TIMBER_REQUEST_EXEC, process: number, encodeExec(spec))
    }

    /// Attaches by a descriptor, the way timberd does.
    func attach(_ process: UInt32 = 0, _ streams: UInt32 = TIMBER_ATTACH_STDIN | TIMBER_ATTACH_STDOUT | TIMBER_ATTACH_STDERR) throws
        -> Socket
    {
        let (ours, theirs) = try Socket.pair()
        try send(TIMBER_REQUEST_ATTACH, process: process, value: streams, descriptors: [theirs])
        close(theirs)
        return ours
    }

    func event(on socket: Socket? = nil, timeout: Int = patience) throws -> Event? {
        let socket = socket ?? control
        guard let header = try socket.readExactly(MemoryLayout<timber_frame>.size, timeout: timeout) else { return nil }
        let frame = header.withUnsafeBytes { $0.loadUnaligned(as: timber_frame.self) }
        guard let payload = try socket.readExactly(Int(frame.length), timeout: timeout) else { return nil }
        return Event(type: frame.type, process: frame.process, value: frame.value, payload: payload)
    }

    /// The next event of a type; others are dropped.
    func expect(_ type: UInt32, process: UInt32 = 0, timeout: Int = patience) throws -> Event {
        while let event = try event(timeout: timeout) {
            if event.type == type && event.process == process { return event }
            if event.type == TIMBER_EVENT_FAILED && event.process == process {
                throw TimedOut(description: "failed at stage \(event.value): \(event.failure)")
            }
        }
        throw TimedOut(description: "the shim closed the connection before event \(type)")
    }

    func disconnect() {
        shutdown(control.raw, Int32(SHUT_RDWR))
    }

    func reconnect() throws {
        control = try connect()
    }

    /// Waits for the shim itself to end.
    func waitForEnd(timeout: Int = patience) throws -> Int32 {
        var status: Int32 = 0
        for _ in 0..<timeout / 5 {
            if waitpid(pid, &status, WNOHANG) == pid {
                isReaped = true
                return status
            }
            usleep(5_000)
        }
        throw TimedOut(description: "the shim does not end")
    }

    func exitRecord() throws -> timber_exit_record {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: place.bundle + "/exit"))
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: timber_exit_record.self) }
    }
}

/// Docker's multiplexed stream, taken apart.
func demultiplex(_ bytes: [UInt8]) -> (output: String, error: String) {
    var streams: [UInt8: [UInt8]] = [:]
    var rest = bytes[...]
    while rest.count >= 8 {
        let header = Array(rest.prefix(8))
        let length = header[4...7].reduce(0) { $0 << 8 | Int($1) }
        streams[header[0], default: []] += rest.dropFirst(8).prefix(length)
        rest = rest.dropFirst(8 + length)
    }
    return (String(decoding: streams[1] ?? [], as: UTF8.self), String(decoding: streams[2] ?? [], as: UTF8.self))
}

/// What a container that ran to its end left.
struct Outcome {
    let event: Event
    let output: String
    let error: String
    let pid: UInt32?
}

/// Runs a container to its end.
func run(_ spec: ContainerSpec, in place: Place, input: String? = nil) throws -> Outcome {
    var spec = spec
    if input != nil { spec.process.flags |= TIMBER_PROCESS_STDIN | TIMBER_PROCESS_STDIN_ONCE }
    let shim = try Shim(place)
    let stream = try shim.attach()
    try shim.launch(spec)
    if let input { try stream.write(Array(input.utf8)) }
    stream.endOutput()
    let bytes = try stream.readAll()
    var pid: UInt32?
    var last: Event?
    while let event = try shim.event() {
        if event.type == TIMBER_EVENT_STARTED { pid = event.value }
        if event.type == TIMBER_EVENT_EXITED || event.type == TIMBER_EVENT_FAILED { last = event }
    }
    let status = try shim.waitForEnd()
    guard let last, status == 0 else { throw TimedOut(description: "the shim ended with \(status) and event \(String(describing: last))") }
    let terminal = spec.process.flags & TIMBER_PROCESS_TTY != 0
    let streams = terminal ? (String(decoding: bytes, as: UTF8.self), "") : demultiplex(bytes)
    return Outcome(event: last, output: streams.0, error: streams.1, pid: pid)
}

func run(_ command: String) throws -> Outcome {
    try run(ContainerSpec(sh: command), in: Place())
}
