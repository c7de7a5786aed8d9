internal import Errors
internal import LinuxKernel
internal import Synchronization

/// A descriptor on its way from one task or thread to another; closed when nobody takes it.
final class HandedOver: Sendable {
    private let number: Mutex<Int32?>

    init(_ descriptor: consuming Descriptor) {
        number = Mutex(descriptor.release())
    }

    deinit {
        if let left = number.withLock({ $0 }) { _ = Descriptor(owning: left) }
    }

    /// Takes the descriptor; works once.
    func take() throws -> Descriptor {
        let taken = number.withLock { number in
            defer { number = nil }
            return number
        }
        guard let taken else { throw TimberError(.internal, "the descriptor was taken already") }
        return Descriptor(owning: taken)
    }
}
