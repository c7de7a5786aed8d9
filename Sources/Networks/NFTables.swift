internal import CTimber
internal import Glibc
internal import LinuxKernel

// nf_tables by raw netlink. Attribute layouts are those of linux/netfilter/nf_tables.h; `nft --debug=netlink` prints the
// expressions of a rule in the order in which they are here.

/// A step of a rule. Registers are the 4-byte ones: `NFT_REG32_00` and up.
enum Expression {
    /// Loads packet metadata (`NFT_META_*`) into a register.
    case meta(nft_meta_keys, into: Register)
    /// Goes on only if the register has these bytes (or has not).
    case compare(Register, nft_cmp_ops, [UInt8])
    /// Loads bytes of the packet.
    case payload(nft_payload_bases, offset: UInt32, length: UInt32, into: Register)
    /// Goes on only if a set has the key that starts in a register; a map's value goes into the second one.
    case lookup(String, key: Register, into: Register?)
    /// Keeps these bits of a register.
    case mask(Register, [UInt8])
    /// Loads connection tracking data (`NFT_CT_*`).
    case connection(nft_ct_keys, into: Register)
    /// Loads the route type of the packet's destination address.
    case destinationType(into: Register)
    /// DNAT to the address, and the port if there is one, in registers.
    case destinationNAT(IPFamily, address: Register, port: Register?)
    /// Sets a register to these bytes.
    case load([UInt8], into: Register)
    /// Masquerade.
    case masquerade
    /// accept or drop.
    case verdict(Int32)
    /// Goes on in another chain, then comes back.
    case jump(String)
}

/// `NFT_REG32_00` plus a number.
struct Register: Sendable {
    let number: UInt32
    init(_ offset: UInt32) { number = NFT_REG32_00.rawValue + offset }
}

/// A hook that a base chain hangs on.
struct Hook {
    let type: String
    let number: nf_inet_hooks
    let priority: Int32
}

/// One element of a set or map: a key, the end of its range where it has one, and a map's value.
struct SetElement: Sendable, Hashable {
    var key: [UInt8]
    var end: [UInt8]?
    var value: [UInt8]?
}

/// The shape of a set or map.
struct SetShape {
    /// nft's type numbers of the key's fields and their lengths in bytes.
    var key: [(type: UInt32, length: Int)]
    /// The same for a map's value; empty for a set.
    var value: [(type: UInt32, length: Int)] = []
    var intervals = false

    /// nft's datatypes (include/datatype.h of nftables): what lets `nft list` print the set.
    static func address(_ family: IPFamily) -> (type: UInt32, length: Int) { family == .ipv4 ? (7, 4) : (8, 16) }
    static let protocolNumber = (type: UInt32(12), length: 1)
    static let port = (type: UInt32(13), length: 2)
    static let interfaceIndex = (type: UInt32(20), length: 4)
    static let interfaceName = (type: UInt32(41), length: 16)

    fileprivate static func type(of fields: [(type: UInt32, length: Int)]) -> UInt32 {
        fields.reduce(0) { $0 << 6 | $1.type }
    }

    fileprivate static func length(of fields: [(type: UInt32, length: Int)]) -> UInt32 {
        UInt32(fields.reduce(0) { $0 + ($1.length + 3) & ~3 })
    }
}

/// One nf_tables transaction: all of it happens, or nothing.
struct Transaction {
    private(set) var batch = NetlinkBatch()
    private let table: String
    private var sets: UInt32 = 0
    private var pending: (call: String, what: String, type: nf_tables_msg_types, flags: Int32, body: (inout NetlinkBody) -> Void)?

    /// - Parameter table: the table of family inet that every change is about.
    init(table: String) {
        self.table = table
        appendBoundary("NFNL_MSG_BATCH_BEGIN", type: NFNL_MSG_BATCH_BEGIN)
    }

    /// The messages, complete: the last change asks for the answer.
    consuming func finished() -> NetlinkBatch {
        flush(acknowledged: true)
        appendBoundary("NFNL_MSG_BATCH_END", type: NFNL_MSG_BATCH_END)
        return batch
    }

    /// Makes the table unless it is there.
    mutating func addTable() {
        let table = table
        append("NFT_MSG_NEWTABLE", table, NFT_MSG_NEWTABLE, NLM_F_CREATE) { $0.attribute(NFTA_TABLE_NAME, table) }
    }

    /// Removes the table with everything in it.
    mutating func removeTable() {
        let table = table
        append("NFT_MSG_DELTABLE", table, NFT_MSG_DELTABLE, 0) { $0.attribute(NFTA_TABLE_NAME, table) }
    }

    /// Makes a chain; without a hook it can only be jumped to.
    mutating func addChain(_ name: String, _ hook: Hook? = nil) {
        let table = table
        append("NFT_MSG_NEWCHAIN", name, NFT_MSG_NEWCHAIN, NLM_F_CREATE) { body in
            body.attribute(NFTA_CHAIN_TABLE, table)
            body.attribute(NFTA_CHAIN_NAME, name)
            guard let hook else { return }
            body.attribute(NFTA_CHAIN_TYPE, hook.type)
            body.nested(NFTA_CHAIN_HOOK) {
                $0.attribute(NFTA_HOOK_HOOKNUM, bigEndian: hook.number.rawValue)
                $0.attribute(NFTA_HOOK_PRIORITY, bigEndian: hook.priority)
            }
        }
    }

    /// Appends a rule to a chain.
    mutating func addRule(_ chain: String, _ expressions: [Expression]) {
        let table = table
        append("NFT_MSG_NEWRULE", chain, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND) { body in
            body.attribute(NFTA_RULE_TABLE, table)
            body.attribute(NFTA_RULE_CHAIN, chain)
            body.nested(NFTA_RULE_EXPRESSIONS) { list in
                for expression in expressions { list.nested(NFTA_LIST_ELEM) { expression.encode(into: &$0) } }
            }
        }
    }

    /// Makes a named set or map.
    mutating func addSet(_ name: String, _ shape: SetShape) {
        let table = table
        sets += 1
        let id = sets
        append("NFT_MSG_NEWSET", name, NFT_MSG_NEWSET, NLM_F_CREATE) { body in
            body.attribute(NFTA_SET_TABLE, table)
            body.attribute(NFTA_SET_NAME, name)
            var flags: UInt32 = 0
            if !shape.value.isEmpty { flags |= NFT_SET_MAP.rawValue }
            if shape.intervals { flags |= NFT_SET_INTERVAL.rawValue }
            if shape.key.count > 1 { flags |= NFT_SET_CONCAT.rawValue }
            body.attribute(NFTA_SET_FLAGS, bigEndian: flags)
            body.attribute(NFTA_SET_KEY_TYPE, bigEndian: SetShape.type(of: shape.key))
            body.attribute(NFTA_SET_KEY_LEN, bigEndian: SetShape.length(of: shape.key))
            if !shape.value.isEmpty {
                body.attribute(NFTA_SET_DATA_TYPE, bigEndian: SetShape.type(of: shape.value))
                body.attribute(NFTA_SET_DATA_LEN, bigEndian: SetShape.length(of: shape.value))
            }
            body.attribute(NFTA_SET_ID, bigEndian: id)
            guard shape.key.count > 1 else { return }
            body.nested(NFTA_SET_DESC) { description in
                description.nested(NFTA_SET_DESC_CONCAT) { fields in
                    for field in shape.key {
                        fields.nested(NFTA_LIST_ELEM) { $0.attribute(NFTA_SET_FIELD_LEN, bigEndian: UInt32(field.length)) }
                    }
                }
            }
        }
    }

    /// Adds elements to a set.
    mutating func addElements(_ elements: [SetElement], to set: String) {
        appendElements(elements, set, "NFT_MSG_NEWSETELEM", NFT_MSG_NEWSETELEM, NLM_F_CREATE)
    }

    /// Removes elements; one that is not there fails the transaction (ENOENT).
    mutating func removeElements(_ elements: [SetElement], from set: String) {
        let keys = elements.map { SetElement(key: $0.key, end: $0.end, value: nil) }
        appendElements(keys, set, "NFT_MSG_DELSETELEM", NFT_MSG_DELSETELEM, 0)
    }

    /// An attribute's length is 16 bits wide: many elements are several messages.
    private mutating func appendElements(
        _ elements: [SetElement], _ set: String, _ call: String, _ type: nf_tables_msg_types, _ flags: Int32
    ) {
        let table = table
        for start in stride(from: 0, to: elements.count, by: 500) {
            let some = elements[start..<min(start + 500, elements.count)]
            append(call, set, type, flags) { body in
                body.attribute(NFTA_SET_ELEM_LIST_TABLE, table)
                body.attribute(NFTA_SET_ELEM_LIST_SET, set)
                body.nested(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
                    for element in some { list.nested(NFTA_LIST_ELEM) { element.encode(into: &$0) } }
                }
            }
        }
    }

    /// Holds a message back until it is known whether it is the last.
    private mutating func append(
        _ call: String, _ what: String, _ type: nf_tables_msg_types, _ flags: Int32, _ body: @escaping (inout NetlinkBody) -> Void
    ) {
        flush(acknowledged: false)
        pending = (call, what, type, flags, body)
    }

    private mutating func flush(acknowledged: Bool) {
        guard let pending else { return }
        batch.append(
            pending.call, pending.what, type: Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(pending.type.rawValue),
            flags: pending.flags | (acknowledged ? NLM_F_ACK : 0)
        ) {
            $0.append(nfgenmsg(nfgen_family: UInt8(NFPROTO_INET), version: 0, res_id: 0))
            pending.body(&$0)
        }
        self.pending = nil
    }

    private mutating func appendBoundary(_ call: String, type: Int32) {
        batch.append(call, table, type: Int(type), flags: 0) {
            $0.append(nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: 0, res_id: UInt16(NFNL_SUBSYS_NFTABLES).bigEndian))
        }
    }
}

extension SetElement {
    fileprivate func encode(into body: inout NetlinkBody) {
        body.nested(NFTA_SET_ELEM_KEY) { $0.attribute(NFTA_DATA_VALUE, key) }
        if let end { body.nested(NFTA_SET_ELEM_KEY_END) { $0.attribute(NFTA_DATA_VALUE, end) } }
        if let value { body.nested(NFTA_SET_ELEM_DATA) { $0.attribute(NFTA_DATA_VALUE, value) } }
    }
}

extension Expression {
    fileprivate func encode(into body: inout NetlinkBody) {
        body.attribute(NFTA_EXPR_NAME, name)
        body.nested(NFTA_EXPR_DATA) { encodeData(into: &$0) }
    }

    private var name: String {
        switch self {
        case .meta: "meta"
        case .compare: "cmp"
        case .payload: "payload"
        case .lookup: "lookup"
        case .mask: "bitwise"
        case .connection: "ct"
        case .destinationType: "fib"
        case .destinationNAT: "nat"
        case .masquerade: "masq"
        case .verdict, .jump, .load: "immediate"
        }
    }

    private func encodeData(into body: inout NetlinkBody) {
        switch self {
        case .meta(let key, let register):
            body.attribute(NFTA_META_DREG, bigEndian: register.number)
            body.attribute(NFTA_META_KEY, bigEndian: key.rawValue)
        case .compare(let register, let operation, let bytes):
            body.attribute(NFTA_CMP_SREG, bigEndian: register.number)
            body.attribute(NFTA_CMP_OP, bigEndian: operation.rawValue)
            body.nested(NFTA_CMP_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes) }
        case .payload(let base, let offset, let length, let register):
            body.attribute(NFTA_PAYLOAD_DREG, bigEndian: register.number)
            body.attribute(NFTA_PAYLOAD_BASE, bigEndian: base.rawValue)
            body.attribute(NFTA_PAYLOAD_OFFSET, bigEndian: offset)
            body.attribute(NFTA_PAYLOAD_LEN, bigEndian: length)
        case .lookup(let set, let key, let value):
            body.attribute(NFTA_LOOKUP_SET, set)
            body.attribute(NFTA_LOOKUP_SREG, bigEndian: key.number)
            if let value { body.attribute(NFTA_LOOKUP_DREG, bigEndian: value.number) }
        case .mask(let register, let bits):
            body.attribute(NFTA_BITWISE_SREG, bigEndian: register.number)
            body.attribute(NFTA_BITWISE_DREG, bigEndian: register.number)
            body.attribute(NFTA_BITWISE_LEN, bigEndian: UInt32(bits.count))
            body.nested(NFTA_BITWISE_MASK) { $0.attribute(NFTA_DATA_VALUE, bits) }
            body.nested(NFTA_BITWISE_XOR) { $0.attribute(NFTA_DATA_VALUE, [UInt8](repeating: 0, count: bits.count)) }
        case .connection(let key, let register):
            body.attribute(NFTA_CT_DREG, bigEndian: register.number)
            body.attribute(NFTA_CT_KEY, bigEndian: key.rawValue)
        case .destinationType(let register):
            body.attribute(NFTA_FIB_DREG, bigEndian: register.number)
            body.attribute(NFTA_FIB_RESULT, bigEndian: NFT_FIB_RESULT_ADDRTYPE.rawValue)
            body.attribute(NFTA_FIB_FLAGS, bigEndian: UInt32(NFTA_FIB_F_DADDR.rawValue))
        case .destinationNAT(let family, let address, let port):
            body.attribute(NFTA_NAT_TYPE, bigEndian: NFT_NAT_DNAT.rawValue)
            body.attribute(NFTA_NAT_FAMILY, bigEndian: UInt32(family.number))
            body.attribute(NFTA_NAT_REG_ADDR_MIN, bigEndian: address.number)
            if let port { body.attribute(NFTA_NAT_REG_PROTO_MIN, bigEndian: port.number) }
        case .load(let bytes, let register):
            body.attribute(NFTA_IMMEDIATE_DREG, bigEndian: register.number)
            body.nested(NFTA_IMMEDIATE_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes) }
        case .masquerade:
            break
        case .verdict(let code):
            body.encodeVerdict(code, chain: nil)
        case .jump(let chain):
            body.encodeVerdict(Int32(NFT_JUMP.rawValue), chain: chain)
        }
    }
}

extension NetlinkBody {
    fileprivate mutating func encodeVerdict(_ code: Int32, chain: String?) {
        attribute(NFTA_IMMEDIATE_DREG, bigEndian: NFT_REG_VERDICT.rawValue)
        nested(NFTA_IMMEDIATE_DATA) { data in
            data.nested(NFTA_DATA_VERDICT) { verdict in
                verdict.attribute(NFTA_VERDICT_CODE, bigEndian: code)
                if let chain { verdict.attribute(NFTA_VERDICT_CHAIN, chain) }
            }
        }
    }

    // The header's enumerations as attribute types.
    fileprivate mutating func attribute(_ type: some RawRepresentable<UInt32>, _ payload: [UInt8]) {
        attribute(Int(type.rawValue), payload)
    }
    fileprivate mutating func attribute(_ type: some RawRepresentable<UInt32>, _ text: String) {
        attribute(Int(type.rawValue), text)
    }
    fileprivate mutating func attribute<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: some RawRepresentable<UInt32>, bigEndian value: Value
    ) {
        attribute(Int(type.rawValue), bigEndian: value)
    }
    fileprivate mutating func nested(_ type: some RawRepresentable<UInt32>, _ body: (inout NetlinkBody) -> Void) {
        nested(Int(type.rawValue), body)
    }
}
