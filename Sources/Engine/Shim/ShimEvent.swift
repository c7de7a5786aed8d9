internal import CTimber

/// What a shim says, decoded (timber_shim.h).
enum ShimEvent: Sendable {
    /// The process runs.
    case started(process: UInt32, pid: Int32)
    /// The process could not be started.
    case failed(process: UInt32, LaunchFailure)
    /// The process ended; its output has been delivered.
    case exited(process: UInt32, WaitStatus, at: Timestamp)
    /// The answer to a status request; numbers up to `dead` that are not among the processes are used up.
    case status([ProcessStatus], dead: UInt32)
    /// Not the shim's: everything before this has been handled (`ShimConnection.settle`).
    case mark(OneShot<Void>)

    /// One process of a container as its shim knows it.
    struct ProcessStatus: Sendable {
        var process: UInt32
        var state: UInt32
        var pid: Int32
        var status: WaitStatus
        var startTicks: Int64
    }

    /// Decodes a frame; nil for a type of a newer shim, which is ignored.
    init?(frame: timber_frame, payload: [UInt8]) {
        switch frame.type {
        case TIMBER_EVENT_STARTED:
            self = .started(process: frame.process, pid: Int32(bitPattern: frame.value))
        case TIMBER_EVENT_FAILED:
            guard let failure: timber_failure = payload.load(at: 0) else { return nil }
            let detail = String(decoding: payload.dropFirst(MemoryLayout<timber_failure>.size), as: UTF8.self)
            self = .failed(
                process: frame.process, LaunchFailure(stage: .init(rawValue: frame.value), errno: failure.error, detail: detail))
        case TIMBER_EVENT_EXITED:
            guard let exit: timber_exit = payload.load(at: 0) else { return nil }
            self = .exited(process: frame.process, WaitStatus(raw: exit.status), at: Timestamp(exit))
        case TIMBER_EVENT_STATUS:
            var all: [ProcessStatus] = []
            var offset = 0
            while let one: timber_status = payload.load(at: offset) {
                all.append(
                    ProcessStatus(
                        process: one.process, state: one.state, pid: one.pid, status: WaitStatus(raw: one.status),
                        startTicks: one.start_ticks))
                offset += MemoryLayout<timber_status>.stride
            }
            self = .status(all, dead: frame.value)
        default:
            return nil
        }
    }
}

/// A wait status as waitpid(2) gives it.
struct WaitStatus: Sendable, Equatable {
    var raw: Int32

    /// The exit status as a shell shows it: the code, or 128 plus the signal.
    var exitCode: Int32 {
        let signal = raw & 0x7f
        return signal == 0 ? (raw >> 8) & 0xff : 128 + signal
    }
}

extension Timestamp {
    init(_ exit: timber_exit) {
        self.init(seconds: exit.seconds, nanoseconds: exit.nanoseconds)
    }
}

extension [UInt8] {
    /// Copies a C struct out of bytes; nil when they are too few.
    func load<Value: BitwiseCopyable>(at offset: Int) -> Value? {
        guard offset >= 0, count - offset >= MemoryLayout<Value>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }
}
