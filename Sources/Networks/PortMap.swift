internal import CTimber
internal import LinuxKernel

/// The maps of published ports, in the order in which they are looked up; the raw value is the map's name.
enum PortMap: String, CaseIterable, Sendable {
    /// host address . protocol . port → address . port
    case addressedPorts = "addressed_ports"
    /// protocol . port → address . port, for every address of the host
    case ports
    /// host address . protocol . port range → address; the port stays the same
    case addressedRanges = "addressed_ranges"
    /// protocol . port range → address; the port stays the same
    case ranges
    /// The same of IPv6.
    case addressedPorts6 = "addressed_ports6"
    case ports6
    case addressedRanges6 = "addressed_ranges6"
    case ranges6

    /// From how many ports on a run is one element of a range map. An interval map is copied at every commit, a hash map is not.
    static let smallestRange = 8

    init(_ family: IPFamily, isAddressed: Bool, isRange: Bool) {
        self =
            switch (family, isAddressed, isRange) {
            case (.ipv4, true, false): .addressedPorts
            case (.ipv4, false, false): .ports
            case (.ipv4, true, true): .addressedRanges
            case (.ipv4, false, true): .ranges
            case (.ipv6, true, false): .addressedPorts6
            case (.ipv6, false, false): .ports6
            case (.ipv6, true, true): .addressedRanges6
            case (.ipv6, false, true): .ranges6
            }
    }

    var family: IPFamily { [.addressedPorts, .ports, .addressedRanges, .ranges].contains(self) ? .ipv4 : .ipv6 }
    var isAddressed: Bool { [.addressedPorts, .addressedRanges, .addressedPorts6, .addressedRanges6].contains(self) }
    var isRange: Bool { [.addressedRanges, .ranges, .addressedRanges6, .ranges6].contains(self) }

    var shape: SetShape {
        SetShape(
            key: (isAddressed ? [SetShape.address(family)] : []) + [SetShape.protocolNumber, SetShape.port],
            value: [SetShape.address(family)] + (isRange ? [] : [SetShape.port]), intervals: isRange)
    }

    /// Loads the key, looks it up, translates.
    var rule: [Expression] {
        var expressions: [Expression] = []
        var register: UInt32 = 0
        let words = family == .ipv4 ? UInt32(1) : 4
        if isAddressed {
            // The hooks have matched the family; without the condition here too, nft lists the address as raw payload.
            expressions += Match.isFamily(family)
            expressions.append(
                .payload(
                    NFT_PAYLOAD_NETWORK_HEADER, offset: Match.Side.destination.offset(family), length: words * 4, into: Register(register)))
            register += words
        }
        // Behind the longest key.
        let value: UInt32 = 8
        return expressions + [
            .meta(NFT_META_L4PROTO, into: Register(register)),
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2, into: Register(register + 1)),
            .lookup(rawValue, key: Register(0), into: Register(value)),
            .destinationNAT(family, address: Register(value), port: isRange ? nil : Register(value + words)),
        ]
    }

    /// The elements that publish some ports, in a fixed order; the same ports always give the same elements.
    static func elements(_ ports: [(PublishedPort, HostAddress)]) -> [(PortMap, [SetElement])] {
        var elements: [PortMap: [SetElement]] = [:]
        for run in PortRun.runs(ports) {
            let first = run.first
            let map = PortMap(first.hostAddress.family, isAddressed: !first.hostAddress.isAny, isRange: run.isRange)
            let element =
                run.isRange
                ? SetElement(key: key(first, first.hostPort), end: key(first, run.lastHostPort), value: run.address.bytes)
                : SetElement(key: key(first, first.hostPort), end: nil, value: run.address.bytes + field(first.containerPort))
            elements[map, default: []].append(element)
        }
        return allCases.compactMap { map in elements[map].map { (map, $0) } }
    }

    /// Every field of a concatenation is padded to four bytes.
    private static func key(_ port: PublishedPort, _ number: UInt16) -> [UInt8] {
        (port.hostAddress.isAny ? [] : port.hostAddress.bytes) + [port.transport.number, 0, 0, 0] + field(number)
    }

    private static func field(_ port: UInt16) -> [UInt8] {
        [UInt8(port >> 8), UInt8(port & 255), 0, 0]
    }
}

/// Ports that one map element publishes: a single one, or a run that keeps its numbers.
struct PortRun {
    var first: PublishedPort
    var lastHostPort: UInt16
    var address: HostAddress

    var isRange: Bool { lastHostPort > first.hostPort }

    /// Groups ports; what is too short for a range comes as single ports.
    static func runs(_ ports: [(PublishedPort, HostAddress)]) -> [PortRun] {
        let sorted = ports.sorted { left, right in
            let (a, b) = (left.0, right.0)
            if a.hostAddress != b.hostAddress { return a.hostAddress < b.hostAddress }
            return (a.transport.number, a.hostPort, a.containerPort) < (b.transport.number, b.hostPort, b.containerPort)
        }
        var runs: [PortRun] = []
        var start = 0
        while start < sorted.count {
            let (first, address) = sorted[start]
            var end = start + 1
            while end < sorted.count, sorted[end].0.continues(first, after: end - start), sorted[end].1 == address { end += 1 }
            if end - start >= PortMap.smallestRange {
                runs.append(PortRun(first: first, lastHostPort: sorted[end - 1].0.hostPort, address: address))
            } else {
                runs += sorted[start..<end].map { PortRun(first: $0.0, lastHostPort: $0.0.hostPort, address: $0.1) }
            }
            start = end
        }
        return runs
    }
}

extension PublishedPort {
    /// Whether this is the port `distance` behind another one, both keeping their number.
    fileprivate func continues(_ first: PublishedPort, after distance: Int) -> Bool {
        transport == first.transport && hostAddress == first.hostAddress && first.hostPort == first.containerPort
            && hostPort == containerPort && Int(hostPort) == Int(first.hostPort) + distance
    }
}
