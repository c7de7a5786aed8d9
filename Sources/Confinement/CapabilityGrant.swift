internal import Errors

/// The capabilities that a container gets, and those that it asked for and this daemon cannot give.
public struct CapabilityGrant: Sendable, Hashable {
    /// Bounding, permitted and effective set of the container's processes. Inheritable and ambient stay empty (CVE-2022-24769).
    public let capabilities: CapabilitySet
    /// Asked for and outside the daemon's own bounding set.
    public let refused: CapabilitySet

    /// One line for the client when something was refused.
    public var warning: String? {
        guard !refused.isEmpty else { return nil }
        return "timberd does not hold \(refused.names.joined(separator: ", ")): the container runs without"
    }

    /// Applies `--cap-add` and `--cap-drop` by Docker's rules: with ALL in `add`, everything less `drop`; with ALL in `drop`,
    /// `add` alone; otherwise the default less `drop`, plus `add`.
    /// - Parameters:
    ///   - add: names, `CAP_` optional, any case, or `ALL`.
    ///   - drop: the same.
    ///   - privileged: everything, whatever `add` and `drop` say.
    ///   - defaults: what a container gets that says nothing.
    ///   - bounding: what can be given at most; nil: what this process holds.
    /// - Throws: `TimberError(.invalidArgument)` for an unknown name.
    public static func resolve(
        add: [String], drop: [String], privileged: Bool = false, defaults: CapabilitySet = .timberDefault,
        bounding: CapabilitySet? = nil
    ) throws -> CapabilityGrant {
        let added = try Selection(add, option: "CapAdd")
        let dropped = try Selection(drop, option: "CapDrop")
        let wanted: CapabilitySet
        if privileged {
            wanted = .kernel()
        } else if added.all {
            wanted = CapabilitySet.kernel().subtracting(dropped.named)
        } else if dropped.all {
            wanted = added.named
        } else {
            wanted = defaults.subtracting(dropped.named).union(added.named)
        }
        let available = try bounding ?? .ownBounding()
        return CapabilityGrant(capabilities: wanted.intersection(available), refused: wanted.subtracting(available))
    }

    private struct Selection {
        let all: Bool
        let named: CapabilitySet

        init(_ names: [String], option: String) throws {
            let isAll: (String) -> Bool = { ["ALL", "CAP_ALL"].contains($0.uppercased()) }
            all = names.contains(where: isAll)
            do {
                named = try CapabilitySet(names: names.filter { !isAll($0) })
            } catch let error as TimberError {
                throw TimberError(.invalidArgument, "invalid \(option): \(error.message)")
            }
        }
    }
}
