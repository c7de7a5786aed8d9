internal import Errors

/// The addresses of one subnet that containers may have: a pure value, one bit an address.
///
/// Addresses are given out in turn rather than lowest first, so that what still talks to a container that has just ended (a
/// keep-alive connection, a client's cache) does not reach another container at once.
struct AddressPool: Sendable {
    let subnet: IPv4Subnet
    /// Of the subnet, those that nobody may have: its own, the gateway's, the broadcast address, and what the user keeps.
    private let reserved: Set<IPv4Address>
    /// Where addresses that nobody chose are taken from: offsets of the first and behind the last.
    private let turn: Range<UInt32>
    private var words: [UInt64]
    private var cursor: UInt32
    /// How many addresses are free.
    private(set) var free: Int

    /// Every address but the network's, the gateway's and the broadcast address is free.
    /// - Parameters:
    ///   - gateway: nil: the first of the subnet.
    ///   - range: which addresses are given out to those who ask for none; nil: all.
    ///   - kept: addresses that no container gets.
    init(subnet: IPv4Subnet, gateway: IPv4Address? = nil, range: AddressRange? = nil, kept: [IPv4Address] = []) {
        self.subnet = subnet
        let count = subnet.broadcast.bits - subnet.network.bits + 1
        words = [UInt64](repeating: 0, count: (Int(count) + 63) / 64)
        reserved = Set([subnet.network, gateway ?? subnet.gateway, subnet.broadcast] + kept.filter(subnet.contains))
        turn = range.map { $0.first.bits - subnet.network.bits..<$0.last.bits - subnet.network.bits + 1 } ?? 0..<count - 1
        cursor = max(turn.lowerBound, 2)
        free = Int(count) - reserved.count
        for address in reserved { mark(offset(address)) }
    }

    /// Takes the next free address.
    /// - Throws: `TimberError.unavailable` when there is none.
    mutating func take() throws -> IPv4Address {
        guard free > 0, let offset = nextFree(from: cursor) ?? nextFree(from: turn.lowerBound) else {
            throw TimberError(.unavailable, "subnet \(subnet) has no free address left, remove containers or configure a larger subnet")
        }
        mark(offset)
        free -= 1
        cursor = offset + 1
        return IPv4Address(bits: subnet.network.bits + offset)
    }

    /// Takes a certain address.
    /// - Throws: `TimberError.invalidArgument` when it is not a container's, `.conflict` when it is taken.
    mutating func take(_ address: IPv4Address) throws {
        guard subnet.contains(address), !reserved.contains(address) else {
            throw TimberError(.invalidArgument, "address \(address) is not one that a container in \(subnet) can have")
        }
        guard !isMarked(offset(address)) else {
            throw TimberError(.conflict, "address \(address) is already in use by another container")
        }
        mark(offset(address))
        free -= 1
        // After a restart of the daemon the turn goes on behind what is in use.
        if turn.contains(offset(address)) { cursor = max(cursor, offset(address) + 1) }
    }

    /// Gives an address back; one that was not taken is left alone.
    mutating func giveBack(_ address: IPv4Address) {
        guard subnet.contains(address), !reserved.contains(address), isMarked(offset(address)) else { return }
        words[Int(offset(address) / 64)] &= ~(1 << UInt64(offset(address) % 64))
        free += 1
    }

    private func offset(_ address: IPv4Address) -> UInt32 { address.bits - subnet.network.bits }

    private func isMarked(_ offset: UInt32) -> Bool { words[Int(offset / 64)] >> UInt64(offset % 64) & 1 == 1 }

    private mutating func mark(_ offset: UInt32) { words[Int(offset / 64)] |= 1 << UInt64(offset % 64) }

    private func nextFree(from start: UInt32) -> UInt32? {
        let last = turn.upperBound
        guard start < last else { return nil }
        var index = Int(start / 64)
        // Bits below the start count as taken.
        var word = words[index] | ((1 << UInt64(start % 64)) - 1)
        while true {
            if word != ~0 {
                let offset = UInt32(index * 64 + (~word).trailingZeroBitCount)
                return offset < last ? offset : nil
            }
            index += 1
            guard index < words.count else { return nil }
            word = words[index]
        }
    }
}
