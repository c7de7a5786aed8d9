internal import Synchronization

/// Something that happens once.
final class Flag: Sendable {
    private let raised = Atomic(false)

    /// Whether it has happened.
    var isRaised: Bool { raised.load(ordering: .acquiring) }

    /// - Returns: true the first time.
    func raise() -> Bool {
        !raised.exchange(true, ordering: .acquiringAndReleasing)
    }
}
