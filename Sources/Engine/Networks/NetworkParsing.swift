internal import DockerAPI
internal import Errors
internal import Networks

/// `POST /networks/create` as what Timber can make; what it does not do is refused by name.
enum NetworkParsing {
    private static let bridgeName = "com.docker.network.bridge.name"
    private static let talk = "com.docker.network.bridge.enable_icc"
    private static let masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    private static let hostBinding = "com.docker.network.bridge.host_binding_ipv4"
    private static let mtu = "com.docker.network.driver.mtu"

    /// A request with everything that is not the network's alone.
    struct Parsed {
        var request: NetworkRequest
        var auxiliaryAddresses: [String: String] = [:]
        var auxiliaryIPv6Addresses: [String: String]?
        var hostAddress = ""
    }

    /// - Throws: `TimberError`: `.invalidArgument`, `.permissionDenied` for predefined names, `.notFound` for drivers, `.unsupported`.
    static func parse(_ wanted: NetworkCreateRequest, id: String) throws -> Parsed {
        try checkName(wanted.name)
        try checkKind(wanted)
        var parsed = Parsed(request: NetworkRequest(id: id, name: wanted.name))
        parsed.request.rules.isInternal = wanted.isInternal
        if wanted.enableIPv6 == true { parsed.request.ipv6 = AddressRequest() }
        try parse(wanted.ipam ?? NetworkIPAM(), into: &parsed)
        parsed.hostAddress = try parse(wanted.options, into: &parsed.request)
        if parsed.request.ipv6 != nil, let mtu = parsed.request.mtu, mtu < 1280 {
            throw TimberError(.invalidArgument, "option \(Self.mtu)=\(mtu) is too small for IPv6: give at least 1280, or leave --ipv6 out")
        }
        return parsed
    }

    private static func checkName(_ name: String) throws {
        if name.allSatisfy(\.isWhitespace) {
            throw TimberError(.invalidArgument, "invalid network name: it is empty: give the network a name")
        }
        if BuiltInNetwork(rawValue: name) != nil || name == "default" {
            throw TimberError(.permissionDenied, "operation is not permitted on predefined \(name) network")
        }
        let letters = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard letters, name.utf8.count <= 128, let first = name.first, first.isLetter || first.isNumber else {
            throw TimberError(
                .invalidArgument,
                "invalid network name (\(name.prefix(150).debugDescription)): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 1 to 128 of them")
        }
    }

    private static func checkKind(_ wanted: NetworkCreateRequest) throws {
        switch wanted.driver {
        case "", "default", "bridge": break
        case "host", "null": throw TimberError(.permissionDenied, "only one instance of \"\(wanted.driver)\" network is allowed")
        case let other:
            throw TimberError(
                .notFound, "could not find plugin \(other.prefix(200)) for network \(wanted.name): only the driver bridge is there")
        }
        let refusals = [
            (wanted.enableIPv4 == false, "a network without IPv4"),
            (wanted.ingress, "a routing mesh (Ingress)"), (wanted.configOnly, "a configuration-only network (ConfigOnly)"),
            (wanted.configFrom.map { !$0.network.isEmpty } ?? false, "a configuration of another network (ConfigFrom)"),
            (!["", "local"].contains(wanted.scope), "the scope \"\(wanted.scope)\""),
        ]
        for (refused, option) in refusals where refused {
            throw TimberError(.unsupported, "cannot create network \(wanted.name): \(option) is not supported by Timber")
        }
    }

    private static func parse(_ ipam: NetworkIPAM, into parsed: inout Parsed) throws {
        let request = parsed.request
        guard ["", "default"].contains(ipam.driver) else {
            throw TimberError(.notFound, "could not find plugin \(ipam.driver.prefix(200)) for addresses: only the driver default is there")
        }
        if let option = ipam.options.keys.sorted().first { throw unsupported("address management option \"\(option)\"", request) }
        let given = ipam.config.filter { $0 != NetworkIPAMConfig() }
        if given.contains(where: \.subnet.isEmpty) {
            throw TimberError(
                .invalidArgument, "network \(request.name) has a gateway, a range or addresses, but no subnet: give --subnet too")
        }
        let (six, four) = (given.filter { $0.subnet.contains(":") }, given.filter { !$0.subnet.contains(":") })
        for (configs, family) in [(four, "IPv4"), (six, "IPv6")] where configs.count > 1 {
            throw unsupported("more than one \(family) subnet", request)
        }
        if let config = four.first {
            parsed.request.ipv4 = try parse(config)
            parsed.auxiliaryAddresses = config.auxiliaryAddresses
        }
        if let config = six.first {
            guard request.ipv6 != nil else {
                throw TimberError(
                    .invalidArgument,
                    "subnet \(config.subnet.prefix(100)) is IPv6, which network \(request.name) is not to have: give --ipv6 too")
            }
            let ipv6: AddressRequest<IPv6Address> = try parse(config)
            if let subnet = ipv6.subnet,
                let reserved = notForNetworks.first(where: { $0.overlaps(subnet.network, prefixLength: subnet.prefixLength) })
            {
                throw TimberError(
                    .invalidArgument, "subnet \(subnet) is a part of \(reserved), which is not for networks: choose another one")
            }
            parsed.request.ipv6 = ipv6
            parsed.auxiliaryIPv6Addresses = config.auxiliaryAddresses
        }
    }

    /// Loopback and embedded IPv4, link-local and multicast addresses (RFC 4291).
    private static let notForNetworks = ["::/8", "fe80::/10", "ff00::/8"].compactMap(IPv6Subnet.init)

    private static func parse<Address: IPAddress>(_ config: NetworkIPAMConfig) throws -> AddressRequest<Address> {
        var request = AddressRequest<Address>()
        let subnet = try Subnet<Address>(parsing: config.subnet)
        request.subnet = subnet
        if !config.gateway.isEmpty { request.gateway = try address(config.gateway, "gateway") }
        if !config.ipRange.isEmpty { request.range = try AddressRange(parsing: config.ipRange, in: subnet) }
        request.kept = try config.auxiliaryAddresses.sorted { $0.key < $1.key }.map { try address($0.value, "auxiliary address \($0.key)") }
        return request
    }

    /// - Returns: where ports are published that name no address.
    private static func parse(_ options: [String: String], into request: inout NetworkRequest) throws -> String {
        var hostAddress = ""
        for (option, value) in options.sorted(by: { $0.key < $1.key }) {
            switch option {
            case bridgeName: request.bridge = value
            case talk: request.rules.isolatesContainers = try !truth(value, option)
            case masquerade: request.rules.masquerades = try truth(value, option)
            case hostBinding: hostAddress = "\(try address(value, option) as IPv4Address)"
            case mtu:
                guard let number = UInt32(value), (68...65535).contains(number) else {
                    throw TimberError(.invalidArgument, "option \(option)=\(value.prefix(50)) is not a number of bytes from 68 to 65535")
                }
                request.mtu = number
            default: throw unsupported("option \"\(option)\"", request)
            }
        }
        return hostAddress == "0.0.0.0" ? "" : hostAddress
    }

    private static func truth(_ value: String, _ option: String) throws -> Bool {
        guard let truth = ["1": true, "t": true, "true": true, "0": false, "f": false, "false": false][value.lowercased()] else {
            throw TimberError(.invalidArgument, "option \(option)=\(value.prefix(50)) is neither true nor false")
        }
        return truth
    }

    private static func address<Address: IPAddress>(_ text: String, _ what: String) throws -> Address {
        guard let address = Address(text) else {
            throw TimberError(.invalidArgument, "\(what) \"\(text.prefix(50))\" is not an \(Address.family.rawValue) address")
        }
        return address
    }

    private static func unsupported(_ what: String, _ request: NetworkRequest) -> TimberError {
        TimberError(.unsupported, "cannot create network \(request.name): \(what) is not supported by Timber")
    }
}
