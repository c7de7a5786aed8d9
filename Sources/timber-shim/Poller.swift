import CTimber

/// What an event is about: a kind and the number of the connection or process. Numbers instead of pointers, so that an event
/// that is still in the batch when its subject has gone finds nothing.
struct Token: Equatable {
    enum Kind: UInt8 {
        case listener, connection, children, channel, helper, exit, output, error, input
    }

    let kind: Kind
    let number: UInt32

    var bits: UInt64 { UInt64(kind.rawValue) << 32 | UInt64(number) }

    init(_ kind: Kind, _ number: UInt32 = 0) {
        self.kind = kind
        self.number = number
    }

    init?(bits: UInt64) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: bits >> 32)) else { return nil }
        self.kind = kind
        number = UInt32(truncatingIfNeeded: bits)
    }
}

let readable = EPOLLIN.rawValue
let writable = EPOLLOUT.rawValue
let hungUp = EPOLLHUP.rawValue | EPOLLERR.rawValue

/// What a descriptor is watched for; nil when it is not in the set at all.
typealias Watch = UInt32?

/// The epoll set. A descriptor is taken out before it is closed: a child between clone and execve still has a copy, and with it the
/// registration would live on.
final class Poller {
    private let epoll: Descriptor

    init?() {
        let opened = result(epoll_create1(Int32(EPOLL_CLOEXEC)))
        if opened < 0 { return nil }
        epoll = Descriptor(owning: Int32(opened))
    }

    /// Changes what a descriptor is watched for. Hang-ups and errors are reported even with no events wanted.
    /// - Returns: false when it cannot be watched.
    @discardableResult
    func set(_ descriptor: Int32, _ token: Token, _ watch: inout Watch, to wanted: Watch) -> Bool {
        if watch == wanted || descriptor < 0 { return true }
        var event = epoll_event()
        event.data.u64 = token.bits
        event.events = wanted ?? 0
        let operation = wanted == nil ? EPOLL_CTL_DEL : watch == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        watch = wanted
        return epoll_ctl(epoll.raw, operation, descriptor, &event) == 0
    }

    /// Waits for events.
    /// - Parameter timeout: milliseconds, -1 for ever.
    func wait(_ events: UnsafeMutableBufferPointer<epoll_event>, timeout: Int) -> Int {
        let limit = Int32(clamping: timeout)
        return result(epoll_wait(epoll.raw, events.baseAddress, Int32(clamping: events.count), limit))
    }
}
