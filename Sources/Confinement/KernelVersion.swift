internal import Errors
internal import Glibc

/// The first two numbers of a kernel's release, which is all that profiles compare.
struct KernelVersion: Sendable, Hashable, Comparable {
    var kernel: Int
    var major: Int

    static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.kernel, left.major) < (right.kernel, right.major)
    }

    init(kernel: Int, major: Int) {
        self.kernel = kernel
        self.major = major
    }

    /// Reads `4.8`, `6.18.44-amd64` and the like.
    init?(parsing text: String) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let kernel = Int(parts[0]), let major = Int(parts[1].prefix { $0.isNumber }), kernel >= 0, major >= 0
        else { return nil }
        self.init(kernel: kernel, major: major)
    }

    /// The running kernel's.
    static func running() throws -> KernelVersion {
        var names = utsname()
        guard uname(&names) == 0 else { throw TimberError(.internal, "cannot read the kernel's version") }
        let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let version = KernelVersion(parsing: release) else {
            throw TimberError(.internal, "cannot read the kernel's version from \"\(release)\"")
        }
        return version
    }
}
