internal import Glibc
internal import Synchronization

/// Carries a descriptor into a closure that consumes it: whoever takes it first owns it.
public final class OwnedOnce: Sendable {
    private let number: Mutex<Int32?>

    /// Takes ownership.
    public init(_ descriptor: consuming Descriptor) {
        number = Mutex(descriptor.release())
    }

    deinit {
        number.withLock { number in
            if let number { close(number) }
        }
    }

    /// Hands it over.
    /// - Throws: `SystemError` (EBADF) the second time.
    public func take() throws -> Descriptor {
        let taken = number.withLock { number in
            defer { number = nil }
            return number
        }
        guard let taken else { throw SystemError(call: "take", errno: EBADF) }
        return Descriptor(owning: taken)
    }
}
