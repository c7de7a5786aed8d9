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
    /// The architecture of this host, as images name it.
    let architecture: String

    /// A message that names the cause; nil when there is nothing to add to the errno's own.
    /// - Parameter exists: whether a path is there in the container.
    func message(errno: Int32, exists: (String) throws -> Bool) rethrows -> String? {
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
            let name = interpreter.last == "\r" ? String(interpreter.dropLast()) : interpreter
            return
                "no such file or directory: its first line, \"#!\(name)\", ends with a carriage return; save it with Unix line ends"
        }
        guard errno == ENOENT, try !exists(interpreter) else { return nil }
        return "no such file or directory: its interpreter \"\(interpreter)\" is not in the container"
    }

    /// Where the shim has looked for a program, in its order.
    static func candidates(_ program: String, environment: [String], workingDirectory: String) -> [String] {
        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(workingDirectory)/\(path)" }
        if program.contains("/") { return [absolute(program)] }
        let path = Environment(environment)["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return path.split(separator: ":", omittingEmptySubsequences: false).map { absolute($0.isEmpty ? program : "\($0)/\(program)") }
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
    /// - Parameter environment: the process's, for its PATH.
    func explain(_ failure: LaunchFailure, environment: [String]) async -> TimberError {
        guard failure.stage == TIMBER_STAGE_EXEC, [ENOENT, ENOEXEC].contains(failure.errno), !failure.detail.isEmpty else {
            return failure.error
        }
        let candidates = ExecDiagnosis.candidates(
            failure.detail, environment: environment, workingDirectory: definition.config.workingDir)
        let layers = services.paths.data + "/layers/"
        do {
            let stack = ["\(directory)/upper"] + (try lowerLayers()).map { layers + $0 }
            let message = try await BlockingPool.shared.run { try Self.diagnose(candidates, errno: failure.errno, in: stack) }
            guard let message else { return failure.error }
            return TimberError(failure.error.code, "cannot run \"\(failure.detail)\": \(message)")
        } catch {
            services.log.warning("cannot look at a program that did not start", metadata: ["container": "\(id)", "error": "\(error)"])
            return failure.error
        }
    }

    private static func diagnose(_ candidates: [String], errno: Int32, in stack: [String]) throws -> String? {
        let root = SharedDescriptor(try Overlay.view(stack))
        let path = Int32(0o10000000)  // O_PATH
        func open(_ path: String, _ flags: Int32) throws -> SharedDescriptor? {
            do {
                return SharedDescriptor(try Overlay.open(path, in: root.raw, flags))
            } catch let error as SystemError where [ENOENT, ENOTDIR, ELOOP, EACCES, ENXIO, ENAMETOOLONG].contains(error.errno) {
                return nil
            }
        }
        for candidate in candidates {
            guard let file = try open(candidate, path) else { continue }
            var status = stat()
            try retrying("fstat", candidate) { fstat(file.raw, &status) }
            // Opening anything else may have effects.
            guard status.st_mode & S_IFMT == S_IFREG, let program = try open(candidate, O_RDONLY) else { continue }
            var head = [UInt8](repeating: 0, count: 256)
            let count = try retrying("pread", candidate) { pread(program.raw, &head, head.count, 0) }
            let diagnosis = ExecDiagnosis(head: Array(head[..<count]), architecture: Uname().architecture)
            let message = try diagnosis.message(errno: errno) { try open($0, path) != nil }
            if let message { return message }
        }
        return nil
    }
}
