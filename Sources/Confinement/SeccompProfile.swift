/// A seccomp profile as a person writes it: what to allow, under which conditions. Docker's JSON format is one spelling of it.
public struct SeccompProfile: Sendable, Hashable {
    var defaultAction: SeccompAction
    var architectures: ArchitectureChoice
    var rules: [Rule]
    var flags: [String] = []

    /// Which ABIs the filter covers besides the machine's own.
    enum ArchitectureChoice: Sendable, Hashable {
        /// Exactly these (`architectures`).
        case list([SeccompArchitecture])
        /// The first entry that names the machine's own (`archMap`).
        case map([Entry])

        struct Entry: Sendable, Hashable {
            let architecture: SeccompArchitecture
            let sub: [SeccompArchitecture]
        }
    }

    /// What to do with some system calls, when its conditions hold.
    struct Rule: Sendable, Hashable {
        var names: [String]
        var action: SeccompAction
        var arguments: [SeccompArgument] = []
        var includes = Condition()
        var excludes = Condition()
    }

    /// What must hold (`includes`: all of it; `excludes`: none of it). An empty field says nothing.
    struct Condition: Sendable, Hashable {
        /// Docker's architecture words: amd64, x86, x32, arm64, arm, …
        var architectures: [String] = []
        var capabilities: [String] = []
        var minimumKernel: KernelVersion?
    }
}

/// What the kernel does with a system call that matches.
enum SeccompAction: Sendable, Hashable {
    case allow, log, killThread, killProcess, trap
    case errno(UInt16)
    case trace(UInt16)

    /// Whether the system call is carried out (or left to a tracer, which then decides).
    var isPermissive: Bool {
        switch self {
        case .allow, .log, .trace: true
        case .killThread, .killProcess, .trap, .errno: false
        }
    }
}

/// A comparison of one argument of a system call.
struct SeccompArgument: Sendable, Hashable {
    enum Comparison: String, Sendable, Hashable, CaseIterable {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        /// argument & value == valueTwo
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    var index: UInt32
    var comparison: Comparison
    var value: UInt64
    var valueTwo: UInt64 = 0
}

/// An ABI, by the name that libseccomp and the runtime specification give it.
enum SeccompArchitecture: String, Sendable, Hashable, CaseIterable {
    case x86 = "SCMP_ARCH_X86"
    case x86_64 = "SCMP_ARCH_X86_64"
    case x32 = "SCMP_ARCH_X32"
    case arm = "SCMP_ARCH_ARM"
    case aarch64 = "SCMP_ARCH_AARCH64"
    case mips = "SCMP_ARCH_MIPS"
    case mips64 = "SCMP_ARCH_MIPS64"
    case mips64n32 = "SCMP_ARCH_MIPS64N32"
    case mipsel = "SCMP_ARCH_MIPSEL"
    case mipsel64 = "SCMP_ARCH_MIPSEL64"
    case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
    case parisc = "SCMP_ARCH_PARISC"
    case parisc64 = "SCMP_ARCH_PARISC64"
    case ppc = "SCMP_ARCH_PPC"
    case ppc64 = "SCMP_ARCH_PPC64"
    case ppc64le = "SCMP_ARCH_PPC64LE"
    case riscv64 = "SCMP_ARCH_RISCV64"
    case s390 = "SCMP_ARCH_S390"
    case s390x = "SCMP_ARCH_S390X"
    case loongarch64 = "SCMP_ARCH_LOONGARCH64"

    #if arch(x86_64)
        /// The machine's own.
        static let native = SeccompArchitecture.x86_64
        /// The machine's own in the words of Docker's profiles.
        static let nativeWord = "amd64"
    #elseif arch(arm64)
        /// The machine's own.
        static let native = SeccompArchitecture.aarch64
        /// The machine's own in the words of Docker's profiles.
        static let nativeWord = "arm64"
    #endif
}
