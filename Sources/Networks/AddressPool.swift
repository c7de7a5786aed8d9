internal import Errors

/// The addresses of one subnet that containers may have: a pure value, which remembers those in use.
///
/// Addresses are given out in turn rather than lowest first, so that what still talks to a container that has just ended (a
/// keep-alive connection, a client's cache) does not reach another container at once.
struct AddressPool<Address: IPAddress>: Sendable {
    let subnet: Subnet<Address>
    /// Of the subnet, those that nobody may have: its own, the gateway's, the broadcast address, and what the user keeps.
    private let reserved: Set<Address>
    /// Where addresses that nobody chose are taken from.
    private let turn: ClosedRange<Address.Bits>
    private var taken: Set<Address> = []
    private var cursor: Address.Bits

    /// Every address but the network's, the gateway's and the broadcast address is free.
    /// - Parameters:
    ///   - gateway: nil: the first of the subnet.
    ///   - range: which addresses are given out to those who ask for none; nil: all.
    ///   - kept: addresses that no container gets.
    init(subnet: Subnet<Address>, gateway: Address? = nil, range: AddressRange<Address>? = nil, kept: [Address] = []) {
        self.subnet = subnet
        reserved = Set([gateway ?? subnet.gateway] + kept)
        turn = (range?.first ?? subnet.network).bits...(range?.last ?? subnet.last).bits
        cursor = min(max(turn.lowerBound, subnet.network.bits + 2), turn.upperBound)
    }

    /// Takes the next free address.
    /// - Throws: `TimberError.unavailable` when there is none.
    mutating func take() throws -> Address {
        guard let address = nextFree(from: cursor) ?? nextFree(from: turn.lowerBound) else {
            throw TimberError(.unavailable, "subnet \(subnet) has no free address left, remove containers or configure a larger subnet")
        }
        taken.insert(address)
        moveCursor(behind: address)
        return address
    }

    /// Takes a certain address.
    /// - Throws: `TimberError.invalidArgument` when it is not a container's, `.conflict` when it is taken.
    mutating func take(_ address: Address) throws {
        guard isContainers(address) else {
            throw TimberError(.invalidArgument, "address \(address) is not one that a container in \(subnet) can have")
        }
        guard taken.insert(address).inserted else {
            throw TimberError(.conflict, "address \(address) is already in use by another container")
        }
        // After a restart of the daemon the turn goes on behind what is in use.
        if turn.contains(address.bits), address.bits >= cursor { moveCursor(behind: address) }
    }

    /// Gives an address back; one that was not taken is left alone.
    mutating func giveBack(_ address: Address) {
        taken.remove(address)
    }

    private func isContainers(_ address: Address) -> Bool { subnet.canHave(address) && !reserved.contains(address) }

    private mutating func moveCursor(behind address: Address) {
        cursor = address.bits < turn.upperBound ? address.bits + 1 : turn.lowerBound
    }

    /// Looks at no more addresses than are in use.
    private func nextFree(from start: Address.Bits) -> Address? {
        var bits = start
        while true {
            let address = Address(bits: bits)
            if isContainers(address), !taken.contains(address) { return address }
            guard bits < turn.upperBound else { return nil }
            bits += 1
        }
    }
}
