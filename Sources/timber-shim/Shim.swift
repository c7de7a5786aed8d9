import CTimber

/// The monitor of one container: everything it owns, and the loop. One thread, one epoll set, nothing blocks.
final class Shim {
    /// waiting: for LAUNCH. serving: the first process lives. leaving: it has ended and everybody was told; what is left is to
    /// deliver what waits for slow readers.
    enum Phase {
        case waiting, serving, leaving
    }

    /// How long a shim waits for LAUNCH while nobody is connected: timberd was killed between spawn and LAUNCH.
    static let launchPatience = 10_000
    /// How long a reader may take without reading anything before what waits for it is dropped.
    static let flushPatience = 5_000

    let poller: Poller
    let listener: Int32
    var listenerWatch: Watch = nil
    /// Readable after a child has ended, known or not.
    private let children: Descriptor
    private var childrenWatch: Watch = nil
    /// When to accept again after there was no descriptor left for a connection; 0: at once.
    var acceptAgain = 0
    var phase = Phase.waiting
    /// waiting, leaving: when to give up (monotonic milliseconds).
    var deadline: Int
    var connections: [Connection] = []
    var nextConnection: UInt32 = 1
    var processes: [ContainerProcess] = []
    var ended = EndedProcesses()
    /// What oom_score_adj was before the shim lowered its own; nil when it did not.
    let originalOOMScore: Int32?
    let pids: PidTranslator

    // From the plan.
    var log: LogFile?
    var bundle: Int32 = -1
    /// Port reservations and the log's and bundle's directories: open until the shim ends.
    var heldDescriptors: [Int32] = []

    /// Where output is read into.
    let readBuffer: UnsafeMutableRawBufferPointer

    init?(listener: Int32, originalOOMScore: Int32?) {
        guard let poller = Poller(), let children = Setup.watchChildren(), let space = malloc(1 << 16) else { return nil }
        self.children = children
        self.poller = poller
        self.listener = listener
        self.originalOOMScore = originalOOMScore
        pids = PidTranslator()
        readBuffer = UnsafeMutableRawBufferPointer(start: space, count: 1 << 16)
        deadline = monotonicMilliseconds() + Self.launchPatience
        setNonblocking(listener)
        if !poller.set(listener, Token(.listener), &listenerWatch, to: readable) { return nil }
        if !poller.set(self.children.raw, Token(.children), &childrenWatch, to: readable) { return nil }
    }

    deinit {
        readBuffer.deallocate()
    }

    /// Runs until there is nothing left to do.
    func run() {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 32) { events in
            while !isFinished {
                let count = poller.wait(events, timeout: timeout)
                if count < 0 && count != -Int(EINTR) { return }
                for index in 0..<max(0, count) {
                    if let token = Token(bits: events[index].data.u64) { handle(token, events[index].events) }
                }
                checkDeadlines()
                sweep()
            }
        }
    }

    private func handle(_ token: Token, _ events: UInt32) {
        switch token.kind {
        case .listener:
            acceptConnections()
        case .connection:
            if let connection = connection(token.number) { handle(connection, events) }
        case .children:
            var information = signalfd_siginfo()
            // EAGAIN: read already.
            _ = read(children.raw, &information, MemoryLayout<signalfd_siginfo>.size)
            reapStrangers()
        case .channel:
            if let process = process(token.number) { readChannel(process) }
        case .helper:
            if let process = process(token.number) { reapHelper(process) }
        case .exit:
            if let process = process(token.number) { reap(process) }
        case .output:
            if let process = process(token.number) { takeOutput(process, .output) }
        case .error:
            if let process = process(token.number) { takeOutput(process, .error) }
        case .input:
            if let process = process(token.number) { writeInput(process) }
        }
    }

    private func takeOutput(_ process: ContainerProcess, _ stream: Stream) {
        readOutput(process, stream)
        conclude(process)
    }

    func process(_ number: UInt32) -> ContainerProcess? {
        for process in processes where process.number == number { return process }
        return nil
    }

    private func connection(_ number: UInt32) -> Connection? {
        for connection in connections where connection.number == number && !connection.isDead { return connection }
        return nil
    }

    private var isFinished: Bool {
        switch phase {
        case .waiting: return monotonicMilliseconds() >= deadline
        case .serving: return false
        case .leaving:
            if monotonicMilliseconds() >= deadline { return true }
            for connection in connections where !connection.output.isEmpty { return false }
            return processes.isEmpty
        }
    }

    /// Whether anybody is connected who could send LAUNCH.
    private var hasControl: Bool {
        for connection in connections where !connection.isStream && !connection.isDead { return true }
        return false
    }

    /// Milliseconds until the next deadline, -1 when there is none.
    private var timeout: Int {
        var next = Int.max
        switch phase {
        case .waiting where !hasControl, .leaving: next = deadline
        default: break
        }
        for process in processes where process.drainDeadline != 0 { next = min(next, process.drainDeadline) }
        for process in processes where process.stallDeadline != 0 { next = min(next, process.stallDeadline) }
        if acceptAgain != 0 { next = min(next, acceptAgain) }
        return next == Int.max ? -1 : max(0, next - monotonicMilliseconds())
    }

    private func checkDeadlines() {
        for process in processes where process.drainDeadline != 0 && monotonicMilliseconds() >= process.drainDeadline {
            closeOutput(process, .output)
            closeOutput(process, .error)
            conclude(process)
        }
        for process in processes { process.stallDeadline = cutStalled(process) ?? 0 }
        // Somebody is there and may take its time.
        if phase == .waiting && hasControl { deadline = monotonicMilliseconds() + Self.launchPatience }
    }

    /// Drops what died during the batch, and updates what the rest is watched for.
    private func sweep() {
        var anyoneLeft = false
        for connection in connections where connection.isDead {
            poller.set(connection.socket, connection.token, &connection.watch, to: nil)
            anyoneLeft = true
        }
        if anyoneLeft {
            connections.removeAll { $0.isDead }
            // timberd came and went without LAUNCH: it was killed, or changed its mind.
            if phase == .waiting && !hasControl { deadline = 0 }
        }
        for process in processes { updateHold(process) }
        for connection in connections { watch(connection) }
        watchListener()
    }
}

/// The latest processes that have ended, for STATUS and to know which numbers are dead.
struct EndedProcesses {
    private static let limit = 256

    private(set) var latest: [timber_status] = []
    /// Numbers up to this one are dead even when they are not in `latest`.
    private(set) var floor: UInt32 = 0

    mutating func append(_ status: timber_status) {
        if latest.count == Self.limit {
            floor = max(floor, latest[0].process)
            latest.removeFirst()
        }
        latest.append(status)
    }

    func contains(_ number: UInt32) -> Bool {
        if number > 0 && number <= floor { return true }
        for status in latest where status.process == number { return true }
        return false
    }
}
