import CTimber

/// A process that the shim started: the container's first one, number 0, or an exec.
final class ContainerProcess {
    enum State: UInt32 {
        case launching = 0
        case running = 1
        case ended = 2
    }

    /// Input from attached clients that may wait for the process.
    static let inputLimit = 1 << 16

    let number: UInt32
    /// TIMBER_PROCESS_*.
    let flags: UInt32
    var state = State.launching
    /// As the host sees it.
    var pid: Int32 = 0
    /// As the shim sees it: the number of its process group, which it leads.
    var group: Int32 = 0
    var startTicks: Int64 = 0

    var handle = Descriptor()
    var handleWatch: Watch = nil

    // Between clone and execve.
    /// The child that an exec's process comes out of, until it is reaped, and its number as the shim sees it.
    var helper = Descriptor()
    var helperPid: Int32 = 0
    var helperWatch: Watch = nil
    /// A signal that came before the process did; 0: none.
    var pendingSignal: Int32 = 0
    var channel = Descriptor()
    var channelWatch: Watch = nil
    var isReady = false
    var failure: LaunchFailure?

    // Standard streams; with a terminal `output` and `input` are two descriptors of its master.
    var input = Descriptor()
    var inputWatch: Watch = nil
    var inputQueue = ByteQueue()
    var closesInputWhenDrained = false
    var output = Descriptor()
    var outputWatch: Watch = nil
    var error = Descriptor()
    var errorWatch: Watch = nil
    /// A reader is too slow: nothing more is read from the process for now.
    var isHeld = false
    /// The window's size, asked for before there was a terminal.
    var pendingSize: UInt32 = 0

    var exit = timber_exit()
    var hasExited = false
    /// When to stop waiting for the end of streams that something else still holds; 0: not waiting.
    var drainDeadline = 0
    /// When a client that holds others back is cut off (monotonic milliseconds); 0: there is none.
    var stallDeadline = 0

    init(_ number: UInt32, _ flags: UInt32) {
        self.number = number
        self.flags = flags
    }

    func has(_ flag: UInt32) -> Bool { flags & flag != 0 }

    var status: timber_status {
        timber_status(process: number, state: state.rawValue, pid: pid, status: exit.status, start_ticks: startTicks)
    }
}

/// Why a process never ran, as FAILED and the exit record say it.
struct LaunchFailure {
    let stage: UInt32
    let error: Int32
    let detail: [UInt8]

    init(_ failure: Failure) {
        stage = failure.stage.rawValue
        error = failure.error
        detail = failure.detail.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strnlen($0, Channel.maximumDetail))) } ?? []
    }

    init(stage: UInt32, error: Int32, detail: [UInt8]) {
        self.stage = stage
        self.error = error
        self.detail = detail
    }

    /// What FAILED carries.
    var payload: [UInt8] {
        var header = timber_failure(error: error, reserved: 0)
        return withUnsafeBytes(of: &header) { [UInt8]($0) } + detail
    }
}
