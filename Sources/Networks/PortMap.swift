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

    /// From how many ports on a run is one element of a range map. An interval map is copied at every commit, a hash map is not.
    static let smallestRange = 8

    var isAddressed: Bool { self == .addressedPorts || self == .addressedRanges }
    var isRange: Bool { self == .addressedRanges || self == .ranges }

    var shape: SetShape {
        SetShape(
            key: (isAddressed ? [SetShape.address] : []) + [SetShape.protocolNumber, SetShape.port],
            value: [SetShape.address] + (isRange ? [] : [SetShape.port]), intervals: isRange)
    }

    /// Loads the key, looks it up, translates.
    var rule: [Expression] {
        var expressions: [Expression] = []
        var register: UInt32 = 0
        if isAddressed {
            // The hooks have matched IPv4; without the condition here too, nft lists the address as raw payload.
            expressions += Match.isFamily(.ipv4)
            expressions.append(.payload(NFT_PAYLOAD_NETWORK_HEADER, offset: 16, length: 4, into: Register(register)))
            register += 1
        }
        return expressions + [
            .meta(NFT_META_L4PROTO, into: Register(register)),
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2, into: Register(register + 1)),
            .lookup(rawValue, key: Register(0), into: Register(4)),
            .destinationNAT(address: Register(4), port: isRange ? nil : Register(5)),
        ]
    }

    /// The elements that publish some ports, in a fixed order; the same ports always give the same elements.
    static func elements(_ ports: [(PublishedPort, IPv4Address)]) -> [(PortMap, [SetElement])] {
        var elements: [PortMap: [SetElement]] = [:]
        for run in PortRun.runs(ports) {
            let first = run.first
            let addressed = first.hostAddress != .any
            if run.isRange {
                elements[addressed ? .addressedRanges : .ranges, default: []].append(
                    SetElement(key: key(first, first.hostPort), end: key(first, run.lastHostPort), value: run.address.bytes))
            } else {
                elements[addressed ? .addressedPorts : .ports, default: []].append(
                    SetElement(key: key(first, first.hostPort), end: nil, value: run.address.bytes + field(first.containerPort)))
            }
        }
        return allCases.compactMap { map in elements[map].map { (map, $0) } }
    }

    /// Every field of a concatenation is padded to four bytes.
    private static func key(_ port: PublishedPort, _ number: UInt16) -> [UInt8] {
        (port.hostAddress == .any ? [] : port.hostAddress.bytes) + [port.transport.number, 0, 0, 0] + field(number)
    }

    private static func field(_ port: UInt16) -> [UInt8] {
        [UInt8(port >> 8), UInt8(port & 255), 0, 0]
    }
}

/// Ports that one map element publishes: a single one, or a run that keeps its numbers.
struct PortRun {
    var first: PublishedPort
    var lastHostPort: UInt16
    var address: IPv4Address

    var isRange: Bool { lastHostPort > first.hostPort }

    /// Groups ports; what is too short for a range comes as single ports.
    static func runs(_ ports: [(PublishedPort, IPv4Address)]) -> [PortRun] {
        let sorted = ports.sorted { left, right in
            let (a, b) = (left.0, right.0)
            return (a.transport.number, a.hostAddress, a.hostPort, a.containerPort)
                < (b.transport.number, b.hostAddress, b.hostPort, b.containerPort)
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
