internal import Errors
internal import Synchronization

/// Which seccomp filter a container gets.
public enum SeccompChoice: Sendable, Hashable {
    /// Timber's own profile.
    case `default`
    /// None.
    case unconfined
    /// One that the user wrote.
    case profile(SeccompProfile)
}

/// Compiles profiles and remembers the filters: one takes half a millisecond, a tenth of a container's start.
public final class SeccompCompiler: Sendable {
    private struct Key: Hashable {
        /// nil: the default profile, whose hundreds of names need not be hashed then.
        let profile: SeccompProfile?
        let capabilities: CapabilitySet
    }

    /// A client can send any number of profiles; the daemon's memory is not theirs.
    private static let limit = 64

    private let known = Mutex<[Key: SeccompFilter]>([:])
    /// Held while compiling, so that of many containers that start at once one compiles and the others wait for it.
    private let compiling = Mutex(())

    /// Makes a compiler that remembers nothing yet.
    public init() {}

    /// Compiles the default profile for the default capabilities, so that the first container need not wait for it.
    /// - Throws: as `filter`.
    public func prepare() throws {
        _ = try filter(.default, capabilities: try CapabilityGrant.resolve(add: [], drop: []).capabilities)
    }

    /// How many filters are remembered.
    var remembered: Int { known.withLock { $0.count } }

    /// The filter for a container.
    ///
    /// Microseconds when it is known; half a millisecond for a new pair of profile and capabilities.
    /// - Parameters:
    ///   - choice: which profile. Privileged containers get `.unconfined`.
    ///   - capabilities: the container's bounding set; some system calls come with a capability.
    /// - Returns: nil for `.unconfined`.
    /// - Throws: `TimberError` when the profile cannot be compiled.
    public func filter(_ choice: SeccompChoice, capabilities: CapabilitySet) throws -> SeccompFilter? {
        let key: Key
        switch choice {
        case .unconfined: return nil
        case .default: key = Key(profile: nil, capabilities: capabilities)
        case .profile(let profile): key = Key(profile: profile, capabilities: capabilities)
        }
        if let filter = known.withLock({ $0[key] }) { return filter }
        return try compiling.withLock { _ in
            if let filter = known.withLock({ $0[key] }) { return filter }
            let filter = try (key.profile ?? .default).resolved(capabilities: capabilities).compiled()
            known.withLock { known in
                // Whose turn it is does not matter: any of them is soon made again.
                if known.count >= Self.limit, let victim = known.keys.first(where: { $0.profile != nil }) ?? known.keys.first {
                    known[victim] = nil
                }
                known[key] = filter
            }
            return filter
        }
    }
}
