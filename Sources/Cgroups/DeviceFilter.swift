/// What a list of device rules comes to, worked out the way the v1 controller keeps it: a default, and exceptions from it.
/// Both interfaces get it from here, so a rule means the same on both.
struct DeviceFilter: Sendable, Hashable {
    struct Node: Sendable, Hashable {
        let kind: DeviceRule.Kind
        let major: UInt32?
        let minor: UInt32?
    }

    struct Exception: Sendable, Hashable {
        let node: Node
        var access: DeviceRule.Access
    }

    /// What holds for a device without an exception. With `true`, exceptions forbid.
    private(set) var allowsByDefault = true
    /// In the order in which they came.
    private(set) var exceptions: [Exception] = []

    init(_ rules: [DeviceRule]) {
        for rule in rules { apply(rule) }
    }

    private mutating func apply(_ rule: DeviceRule) {
        guard rule.kind != .all else {
            allowsByDefault = rule.allow
            exceptions = []
            return
        }
        let node = Node(kind: rule.kind, major: rule.major, minor: rule.minor)
        let index = exceptions.firstIndex { $0.node == node }
        if rule.allow != allowsByDefault {
            if let index {
                exceptions[index].access.formUnion(rule.access)
            } else {
                exceptions.append(Exception(node: node, access: rule.access))
            }
        } else if let index {
            exceptions[index].access.subtract(rule.access)
            if exceptions[index].access.isEmpty { exceptions.remove(at: index) }
        }
    }

    // MARK: - v1

    /// What to write to devices.deny and devices.allow, in this order.
    var legacyWrites: [(file: String, values: [String])] {
        let values = exceptions.map {
            DeviceRule(allow: !allowsByDefault, kind: $0.node.kind, major: $0.node.major, minor: $0.node.minor, access: $0.access).text
        }
        let files = allowsByDefault ? ["devices.allow", "devices.deny"] : ["devices.deny", "devices.allow"]
        return [(files[0], ["a"]), (files[1], values)]
    }

    // MARK: - v2

    /// The same as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE: 1 allows, 0 forbids.
    ///
    /// The context is three 32-bit words: access << 16 | type, major, minor. An exception that allows must cover everything that is
    /// asked for; one that forbids need only touch it.
    var program: [EBPF] {
        var program: [EBPF] = [
            .load(.r2, from: .r1, offset: 0),  // type
            .and32(.r2, 0xffff),
            .load(.r3, from: .r1, offset: 0),  // access
            .shiftRight32(.r3, 16),
            .load(.r4, from: .r1, offset: 4),  // major
            .load(.r5, from: .r1, offset: 8),  // minor
        ]
        for exception in exceptions { program += answer(to: exception) }
        return program + [.move32(.r0, allowsByDefault ? 1 : 0), .exit]
    }

    /// Checks of one exception and what it answers; every check that fails jumps behind the answer.
    private func answer(to exception: Exception) -> [EBPF] {
        typealias Check = (_ skip: Int16) -> EBPF
        let type: Int32 = exception.node.kind == .block ? 1 : 2
        var checks: [Check] = [{ EBPF.jumpIfNotEqual32(.r2, type, $0) }]
        if allowsByDefault {
            let bits = Int32(exception.access.rawValue)
            checks.append { EBPF.jumpIfNoBits32(.r3, bits, $0) }
        } else if exception.access != .everything {
            let others = Int32(DeviceRule.Access.everything.subtracting(exception.access).rawValue)
            checks.append { EBPF.jumpIfBits32(.r3, others, $0) }
        }
        if let major = exception.node.major { checks.append { EBPF.jumpIfNotEqual32(.r4, Int32(bitPattern: major), $0) } }
        if let minor = exception.node.minor { checks.append { EBPF.jumpIfNotEqual32(.r5, Int32(bitPattern: minor), $0) } }

        let answer = [EBPF.move32(.r0, allowsByDefault ? 0 : 1), EBPF.exit]
        return checks.reversed().reduce(into: answer) { block, check in
            block.insert(check(Int16(block.reduce(0) { $0 + $1.width })), at: 0)
        }
    }
}
