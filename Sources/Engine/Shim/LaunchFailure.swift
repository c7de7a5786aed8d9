internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Why a process could not be started: at which step, with which errno, about what.
struct LaunchFailure: Error, Sendable {
    var stage: timber_stage
    var errno: Int32
    var detail: String

    /// The exit status that Docker gives such a start: 127 not found, 126 not executable, 128 otherwise.
    var exitCode: Int32 {
        guard stage == TIMBER_STAGE_EXEC || stage == TIMBER_STAGE_CWD else { return 128 }
        return stage == TIMBER_STAGE_EXEC && errno == ENOENT ? 127 : 126
    }

    /// In words, for the person who asked.
    var error: TimberError {
        let reason = SystemError(call: "", errno: errno).reason
        switch stage {
        case TIMBER_STAGE_EXEC where errno == ENOENT:
            // Docker's own client finds its exit status 127 by these words.
            return TimberError(
                .commandNotFound,
                detail.contains("/")
                    ? "cannot run \"\(detail)\": no such file or directory in the container"
                    : "cannot run \"\(detail)\": executable file not found in $PATH of the container")
        case TIMBER_STAGE_EXEC where errno == ENOEXEC:
            return TimberError(
                .commandNotExecutable,
                "cannot run \"\(detail)\": exec format error (built for another architecture, or a script without a #! line)")
        case TIMBER_STAGE_EXEC where errno == EACCES:
            return TimberError(
                .commandNotExecutable, "cannot run \"\(detail)\": permission denied (not executable, or a directory)")
        case TIMBER_STAGE_EXEC:
            return TimberError(.commandNotExecutable, "cannot run \"\(detail)\": \(reason)")
        case TIMBER_STAGE_CWD:
            return TimberError(.commandNotExecutable, "cannot enter the working directory \"\(detail)\": \(reason)")
        case TIMBER_STAGE_MOUNT:
            return TimberError(.invalidArgument, "cannot mount \"\(detail)\" in the container: \(reason)")
        case TIMBER_STAGE_DEVICE:
            return TimberError(.invalidArgument, "cannot make the device \"\(detail)\" in the container: \(reason)")
        case TIMBER_STAGE_SYSCTL:
            return TimberError(.invalidArgument, "cannot set the sysctl \"\(detail)\": \(reason)")
        case TIMBER_STAGE_READONLY:
            return TimberError(.internal, "cannot protect \"\(detail)\" in the container: \(reason)")
        default:
            return TimberError(
                .internal, "the container could not be started: \(stageName)\(detail.isEmpty ? "" : " \(detail)"): \(reason)")
        }
    }

    private var stageName: String {
        switch stage {
        case TIMBER_STAGE_PLAN: "reading the launch plan"
        case TIMBER_STAGE_CLONE: "making its process"
        case TIMBER_STAGE_NAMESPACES: "entering namespaces"
        case TIMBER_STAGE_CGROUP: "joining its cgroup"
        case TIMBER_STAGE_PROPAGATION: "making mounts private"
        case TIMBER_STAGE_ROOT: "mounting its root"
        case TIMBER_STAGE_HOSTNAME: "setting the host name"
        case TIMBER_STAGE_TERMINAL: "making its terminal"
        case TIMBER_STAGE_PIVOT: "changing its root"
        case TIMBER_STAGE_LIMITS: "setting limits"
        case TIMBER_STAGE_USER: "changing the user"
        case TIMBER_STAGE_CAPABILITIES: "dropping capabilities"
        case TIMBER_STAGE_SECCOMP: "installing the seccomp filter"
        case TIMBER_STAGE_LOST: "its process ended without a word"
        default: "stage \(stage.rawValue)"
        }
    }
}
