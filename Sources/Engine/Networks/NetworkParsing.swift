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
        var auxiliaryAddresses: [String: String]
        var hostAddress: String
    }

    /// - Throws: `TimberError`: `.invalidArgument`, `.permissionDenied` for predefined names, `.notFound` for drivers, `.unsupported`.
    static func parse(_ wanted: NetworkCreateRequest, id: String) throws -> Parsed {
        try checkName(wanted.name)
        try checkKind(wanted)
        var request = NetworkRequest(id: id, name: wanted.name)
        request.rules.isInternal = wanted.isInternal
        let auxiliary = try parse(wanted.ipam ?? NetworkIPAM(), into: &request)
        let hostAddress = try parse(wanted.options, into: &request)
        return Parsed(request: request, auxiliaryAddresses: auxiliary, hostAddress: hostAddress)
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
            (wanted.enableIPv6 == true, "IPv6 on a network (EnableIPv6, --ipv6)"), (wanted.enableIPv4 == false, "a network without IPv4"),
            (wanted.ingress, "a routing mesh (Ingress)"), (wanted.configOnly, "a configuration-only network (ConfigOnly)"),
            (wanted.configFrom.map { !$0.network.isEmpty } ?? false, "a configuration of another network (ConfigFrom)"),
            (!["", "local"].contains(wanted.scope), "the scope \"\(wanted.scope)\""),
        ]
        for (refused, option) in refusals where refused {
            throw TimberError(.unsupported, "cannot create network \(wanted.name): \(option) is not supported by Timber")
        }
    }

    /// - Returns: the addresses that no container gets, by name.
    private static func parse(_ ipam: NetworkIPAM, into request: inout NetworkRequest) throws -> [String: String] {
        guard ["", "default"].contains(ipam.driver) else {
            throw TimberError(.notFound, "could not find plugin \(ipam.driver.prefix(200)) for addresses: only the driver default is there")
        }
        if let option = ipam.options.keys.sorted().first { throw unsupported("address management option \"\(option)\"", request) }
        let given = ipam.config.filter { $0 != NetworkIPAMConfig() }
        guard given.count <= 1 else { throw unsupported("more than one subnet", request) }
        guard let config = given.first else { return [:] }
        guard !config.subnet.isEmpty else {
            throw TimberError(
                .invalidArgument, "network \(request.name) has a gateway, a range or addresses, but no subnet: give --subnet too")
        }
        if config.subnet.contains(":") { throw unsupported("the IPv6 subnet \(config.subnet)", request) }
        let subnet = try IPv4Subnet(parsing: config.subnet)
        request.subnet = subnet
        if !config.gateway.isEmpty { request.gateway = try address(config.gateway, "gateway") }
        if !config.ipRange.isEmpty { request.range = try AddressRange(parsing: config.ipRange, in: subnet) }
        request.kept = try config.auxiliaryAddresses.sorted { $0.key < $1.key }.map { try address($0.value, "auxiliary address \($0.key)") }
        return config.auxiliaryAddresses
    }

    /// - Returns: where ports are published that name no address.
    private static func parse(_ options: [String: String], into request: inout NetworkRequest) throws -> String {
        var hostAddress = ""
        for (option, value) in options.sorted(by: { $0.key < $1.key }) {
            switch option {
            case bridgeName: request.bridge = value
            case talk: request.rules.isolatesContainers = try !truth(value, option)
            case masquerade: request.rules.masquerades = try truth(value, option)
            case hostBinding: hostAddress = "\(try address(value, option))"
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

    private static func address(_ text: String, _ what: String) throws -> IPv4Address {
        guard let address = IPv4Address(text) else {
            throw TimberError(.invalidArgument, "\(what) \"\(text.prefix(50))\" is not an IPv4 address")
        }
        return address
    }

    private static func unsupported(_ what: String, _ request: NetworkRequest) -> TimberError {
        TimberError(.unsupported, "cannot create network \(request.name): \(what) is not supported by Timber")
    }
}
