internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Why a program that is there cannot be run: a missing interpreter, a script from Windows, another architecture.
///
/// execve(2) says ENOENT for a missing file and for a missing interpreter alike, and ENOEXEC for everything it does not know.
struct ExecDiagnosis {
    /// The first bytes of the program.
    let head: [UInt8]
    let program: String
    /// The architecture of this host, as images name it.
    let architecture: String

    /// A message that names the cause; nil when there is nothing to add to the errno's own.
    /// - Parameter exists: whether a path is there in the container.
    func message(errno: Int32, exists: (String) -> Bool) -> String? {
        if head.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return elf(errno) }
        guard head.starts(with: Array("#!".utf8)) else {
            guard errno == ENOEXEC else { return nil }
            return head.isEmpty
                ? "exec format error: the file is empty"
                : "exec format error: it is neither a program for linux nor a script that begins with #!"
        }
        let line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        let words = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
        guard let interpreter = words.first.map({ String(decoding: $0, as: UTF8.self) }) else {
            return errno == ENOEXEC ? "exec format error: its first line names no interpreter" : nil
        }
        if line.last == UInt8(ascii: "\r"), errno == ENOENT {
            return "no such file or directory: its first line ends with a carriage return; save the script with Unix line ends"
        }
        guard errno == ENOENT, !exists(interpreter) else { return nil }
        return "no such file or directory: its interpreter \"\(interpreter)\" is not in the container"
    }

    /// Where the shim has looked for a program, as far as absolute paths tell.
    static func candidates(_ program: String, environment: [String]) -> [String] {
        if program.contains("/") { return program.hasPrefix("/") ? [program] : [] }
        let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst("PATH=".count)
        return (path ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(separator: ":")
            .filter { $0.hasPrefix("/") }.map { "\($0)/\(program)" }
    }

    private func elf(_ errno: Int32) -> String? {
        guard head.count >= 20 else { return "exec format error: the file is cut short" }
        let machine = UInt16(head[18]) | UInt16(head[19]) << 8
        let names: [UInt16: String] = [
            0x03: "386", 0x3e: "amd64", 0x28: "arm", 0xb7: "arm64", 0xf3: "riscv64", 0x15: "ppc64le", 0x16: "s390x",
        ]
        if errno == ENOENT { return "no such file or directory: the dynamic loader that it names is not in the container" }
        guard errno == ENOEXEC, let name = names[machine], name != architecture else { return nil }
        return "exec format error: it is built for \(name), this host is \(architecture)"
    }
}

extension Container {
    /// The failure in words, with the cause where the program itself shows it.
    func explain(_ failure: LaunchFailure, lower: [String]) async -> TimberError {
        guard failure.stage == TIMBER_STAGE_EXEC, [ENOENT, ENOEXEC].contains(failure.errno) else { return failure.error }
        let candidates = ExecDiagnosis.candidates(failure.detail, environment: definition.config.env)
        let layers = services.paths.data + "/layers/"
        let stack = ["\(directory)/upper"] + lower.map { layers + $0 }
        let message = try? await BlockingPool.shared.run { () -> String? in
            let root = SharedDescriptor(try Overlay.view(stack))
            for candidate in candidates {
                // A directory of PATH that does not have it is the usual case.
                guard let file = try? Overlay.open(candidate, in: root.raw, O_RDONLY | O_NONBLOCK) else { continue }
                var head = [UInt8](repeating: 0, count: 256)
                let count = try retrying("pread") { pread(file.raw, &head, head.count, 0) }
                return ExecDiagnosis(head: Array(head[..<count]), program: failure.detail, architecture: Uname().architecture)
                    .message(errno: failure.errno) { path in
                        (try? Overlay.open(path, in: root.raw, 0o10000000 /* O_PATH */)) != nil
                    }
            }
            return nil
        }
        guard let message = message ?? nil else { return failure.error }
        return TimberError(failure.error.code, "cannot run \"\(failure.detail)\": \(message)")
    }
}
