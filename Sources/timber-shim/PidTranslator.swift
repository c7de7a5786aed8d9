import CTimber

/// Pids as the host sees them, also when the shim is PID 1 of a pid namespace of its own.
struct PidTranslator {
    /// The host's /proc names us by another pid than getpid().
    private let isNested: Bool

    init() {
        let own = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text -> Int in
            guard let characters = text.baseAddress else { return 0 }
            let length = readlink("/proc/self", characters, text.count - 1)
            if length <= 0 { return Int(getpid()) }
            characters[length] = 0
            return Int(atol(characters))
        }
        isNested = own != Int(getpid())
    }

    /// - Parameters:
    ///   - pid: as clone3 returned it.
    ///   - handle: its pidfd.
    func hostPid(_ pid: Int32, _ handle: Int32) -> Int32 {
        if !isNested { return pid }
        return withFile("/proc/self/fdinfo/", Int(handle), "") { text in
            guard let line = strstr(text, "Pid:") else { return pid }
            return Int32(truncatingIfNeeded: atol(line + 4))
        } ?? pid
    }

    /// Field 22 of /proc/PID/stat: with the pid it identifies a process for as long as the host runs.
    func startTicks(_ pid: Int32) -> Int64 {
        withFile("/proc/", Int(pid), "/stat") { text in
            // The name, field 2, is in parentheses and may contain anything.
            guard var field = strrchr(text, Int32(UInt8(ascii: ")"))) else { return 0 }
            for _ in 0..<20 {
                guard let space = strchr(field + 1, Int32(UInt8(ascii: " "))) else { return 0 }
                field = space
            }
            return Int64(atoll(field + 1))
        } ?? 0
    }

    private func withFile<Value>(
        _ prefix: StaticString, _ number: Int, _ suffix: StaticString, _ body: (UnsafeMutablePointer<CChar>) -> Value
    ) -> Value? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 2048) { buffer in
            guard let text = buffer.baseAddress else { return nil }
            var length = prefix.utf8CodeUnitCount
            memcpy(text, prefix.utf8Start, length)
            withDecimal(number) { digits in
                if let start = digits.baseAddress { memcpy(text + length, start, digits.count) }
                length += digits.count
            }
            memcpy(text + length, suffix.utf8Start, suffix.utf8CodeUnitCount)
            text[length + suffix.utf8CodeUnitCount] = 0
            let opened = openPlain(AT_FDCWD, text, O_RDONLY)
            if opened < 0 { return nil }
            let file = Descriptor(owning: Int32(opened))
            let count = retrying { result(read(file.raw, text, buffer.count - 1)) }
            if count < 0 { return nil }
            text[count] = 0
            return body(text)
        }
    }
}
