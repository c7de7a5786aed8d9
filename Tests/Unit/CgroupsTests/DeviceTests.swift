import Errors
import Testing

@testable import Cgroups

@Suite struct DeviceTests {
    @Test(arguments: [("c 1:3 rwm", "c 1:3 rwm"), ("b *:* m", "b *:* m"), ("c 10:* wr", "c 10:* rw"), ("a *:* rwm", "a")])
    func readsRules(text: String, canonical: String) throws {
        #expect(try DeviceRule(parsing: text).text == canonical)
    }

    @Test(arguments: [
        "", "c", "c 1:3", "c 1:3 rwmx", "c 1:3 ", "d 1:3 r", "c 1 r", "c -1:3 r", "c 1:+3 r", "c 4294967296:0 r", "c 1:3 r w", "c 1:3 x",
        "c 1:3 r\n", "c 1:2:3 r", "c ٣:3 r",
    ])
    func refusesOtherText(text: String) {
        #expect { try DeviceRule(parsing: text) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test func mergesRulesTheWayTheKernelDoes() throws {
        let filter = DeviceFilter([
            DeviceRule(allow: false, kind: .all), try DeviceRule(parsing: "c 1:3 r"), try DeviceRule(parsing: "c 1:3 w"),
            try DeviceRule(parsing: "b 8:0 rwm"), DeviceRule(allow: false, kind: .block, major: 8, minor: 0, access: .write),
            DeviceRule(allow: false, kind: .character, major: 10, minor: 229),
        ])
        #expect(!filter.allowsByDefault)
        #expect(filter.legacyWrites.map(\.file) == ["devices.deny", "devices.allow"])
        #expect(filter.legacyWrites.map(\.values) == [["a"], ["c 1:3 rw", "b 8:0 rm"]])
    }

    @Test func laterRulesForAllStartAnew() {
        let filter = DeviceFilter(DeviceRule.defaults + [DeviceRule(allow: true, kind: .all)])
        #expect(filter.allowsByDefault)
        #expect(filter.exceptions == [])
    }

    /// Every request that matters, against a slow and obvious reading of the rules.
    @Test(arguments: [true, false])
    func programsAnswerLikeTheRules(allowsAll: Bool) throws {
        let rules =
            [DeviceRule(allow: allowsAll, kind: .all)]
            + ["c 1:3 rwm", "c 1:5 r", "b *:* m", "c 136:* rw", "b 8:1 w", "c 4294967295:7 rm"].map { text in
                var rule = try? DeviceRule(parsing: text)
                rule?.allow = !allowsAll
                return rule
            }.compactMap { $0 }
        let filter = DeviceFilter(rules)
        let program = filter.program.flatMap(\.words)
        for (kind, number) in [(DeviceRule.Kind.block, 1), (.character, 2)] as [(DeviceRule.Kind, UInt32)] {
            for major in [0, 1, 8, 136, .max] as [UInt32] {
                for minor in [0, 1, 3, 5, 7, .max] as [UInt32] {
                    for bits in 1...7 as ClosedRange<UInt8> {
                        let expected = allows(filter, kind, major, minor, DeviceRule.Access(rawValue: bits))
                        let answer = try run(program, context: [UInt32(bits) << 16 | number, major, minor])
                        #expect(answer == (expected ? 1 : 0), "\(kind) \(major):\(minor) \(bits)")
                    }
                }
            }
        }
    }

    private func allows(_ filter: DeviceFilter, _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ asked: DeviceRule.Access)
        -> Bool
    {
        let matching = filter.exceptions.filter { exception in
            exception.node.kind == kind && exception.node.major ?? major == major && exception.node.minor ?? minor == minor
        }
        return filter.allowsByDefault
            ? !matching.contains { !$0.access.isDisjoint(with: asked) } : matching.contains { $0.access.isSuperset(of: asked) }
    }

    private enum Fault: Error { case unknown(UInt64), ranOff, backwards }

    /// The instructions of eBPF that a device filter uses, 32 bits wide.
    private func run(_ program: [UInt64], context: [UInt32]) throws -> UInt32 {
        var registers = [UInt32](repeating: 0, count: 6)
        var at = 0
        while at < program.count {
            let word = program[at]
            let (target, value) = (Int(word >> 8 & 0xf), UInt32(truncatingIfNeeded: word >> 32))
            let offset = Int(Int16(truncatingIfNeeded: word >> 16))
            guard offset >= 0 else { throw Fault.backwards }
            at += 1
            switch word & 0xff {
            case 0x61: registers[target] = context[offset / 4]
            case 0x54: registers[target] &= value
            case 0x74: registers[target] >>= value
            case 0xb4: registers[target] = value
            case 0x56: at += registers[target] != value ? offset : 0
            case 0x46: at += registers[target] & value != 0 ? offset : 0
            case 0x05: at += offset
            case 0x95: return registers[0]
            default: throw Fault.unknown(word)
            }
        }
        throw Fault.ranOff
    }
}
