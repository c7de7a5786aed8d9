#if arch(x86_64)
    import Testing

    @testable import Confinement

    /// Profiles that nobody would write, against the rules as they are documented: long programs, far jumps, overlapping conditions.
    @Suite struct RandomProfileTests {
        /// SplitMix64, so that a failure comes back.
        struct Generator: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state &+= 0x9e37_79b9_7f4a_7c15
                var z = state
                z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
                z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
                return z ^ (z >> 31)
            }
        }

        /// Calls with the same number by both ABIs of x86-64, far apart and close together.
        private static let names: [(name: String, number: UInt32)] = [
            ("read", 0), ("write", 1), ("open", 2), ("close", 3), ("stat", 4), ("fstat", 5), ("lstat", 6), ("poll", 7), ("lseek", 8),
            ("mmap", 9),
            ("mprotect", 10), ("munmap", 11), ("brk", 12), ("access", 21), ("pipe", 22), ("select", 23), ("dup", 32), ("dup2", 33),
            ("pause", 34),
            ("getpid", 39), ("socket", 41), ("fork", 57), ("kill", 62), ("fcntl", 72), ("chdir", 80), ("mkdir", 83), ("umask", 95),
            ("personality", 135),
            ("prctl", 157), ("gettid", 186), ("futex", 202), ("openat", 257), ("dup3", 292), ("statx", 332), ("close_range", 436),
            ("mseal", 462),
        ]

        private static let values: [UInt64] = [
            0, 1, 2, 5, 11, 12, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, (1 << 32) + 1, 5 << 32, .max - 1, .max,
        ]

        private func profile(_ generator: inout Generator, rules: Int) -> ResolvedSeccomp {
            let actions: [SeccompAction] = [.allow, .errno(1), .errno(13), .errno(38), .killProcess, .killThread, .log, .trap, .trace(7)]
            let some: (inout Generator) -> SeccompAction = { actions[Int($0.next() % UInt64(actions.count))] }
            return ResolvedSeccomp(
                defaultAction: some(&generator), architectures: [.x86_64, .x32, .x86],
                rules: (0..<rules).map { _ in
                    let names = (0...Int(generator.next() % 3)).map { _ in Self.names[Int(generator.next() % UInt64(Self.names.count))].name
                    }
                    let count = [0, 1, 1, 1, 2, 3][Int(generator.next() % 6)]
                    return ResolvedSeccomp.Rule(
                        names: names, action: some(&generator),
                        arguments: (0..<count).map { _ in
                            let comparisons = SeccompArgument.Comparison.allCases
                            return SeccompArgument(
                                index: UInt32(generator.next() % 6),
                                comparison: comparisons[Int(generator.next() % UInt64(comparisons.count))],
                                value: Self.values[Int(generator.next() % UInt64(Self.values.count))],
                                valueTwo: Self.values[Int(generator.next() % UInt64(Self.values.count))])
                        })
                }, flags: [])
        }

        private func holds(_ condition: SeccompArgument, _ arguments: [UInt64]) -> Bool {
            let value = arguments[Int(condition.index)]
            switch condition.comparison {
            case .notEqual: return value != condition.value
            case .less: return value < condition.value
            case .lessOrEqual: return value <= condition.value
            case .equal: return value == condition.value
            case .greaterOrEqual: return value >= condition.value
            case .greater: return value > condition.value
            case .maskedEqual: return value & condition.value == condition.valueTwo
            }
        }

        /// The rules, read slowly.
        private func expected(_ profile: ResolvedSeccomp, _ name: String, _ arguments: [UInt64]) -> SeccompAction {
            let rules = profile.rules.filter { $0.names.contains(name) && $0.action != profile.defaultAction }
            if let always = rules.first(where: { $0.arguments.isEmpty }) { return always.action }
            for rule in rules {
                let together = Set(rule.arguments.map(\.index)).count == rule.arguments.count
                let met = together ? rule.arguments.allSatisfy { holds($0, arguments) } : rule.arguments.contains { holds($0, arguments) }
                if met { return rule.action }
            }
            return profile.defaultAction
        }

        @Test(arguments: 1...60 as ClosedRange<UInt64>)
        func programsDoWhatTheRulesSay(seed: UInt64) throws {
            var generator = Generator(state: seed)
            let profile = profile(&generator, rules: Int(seed) * 4)
            let machine = try FilterMachine(profile.compiled())
            // A name on no rule may be newer than all that are.
            let last = Self.names.filter { entry in profile.rules.contains { $0.names.contains(entry.name) } }.map(\.number).max() ?? 0
            for (name, number) in Self.names where number <= last {
                for _ in 0..<60 {
                    let arguments = (0..<6).map { _ in
                        Self.values[Int(generator.next() % UInt64(Self.values.count))]
                            &+ (generator.next() % 4 == 0 ? generator.next() % 3 : 0)
                    }
                    let wanted = Verdict(expected(profile, name, arguments).returnValue)
                    for number in [number, number | 0x4000_0000] {
                        let answer = try Verdict(machine.run(.x86_64, number, arguments))
                        if answer != wanted { Issue.record("\(name) \(number) \(arguments): \(answer), not \(wanted)") }
                    }
                }
            }
        }

        /// Longer than any jump reaches, in every direction.
        @Test func reachesFarTargets() throws {
            let rules = Self.names.enumerated().flatMap { index, entry in
                (0..<20).map { value in
                    ResolvedSeccomp.Rule(
                        names: [entry.name], action: .errno(UInt16(100 + index)),
                        arguments: [SeccompArgument(index: UInt32(value % 6), comparison: .equal, value: UInt64(value * 1000 + index))])
                }
            }
            let profile = ResolvedSeccomp(defaultAction: .allow, architectures: [.x86_64, .x32, .x86], rules: rules, flags: [])
            let filter = try profile.compiled()
            #expect(filter.instructions > 2000)
            let machine = try FilterMachine(filter)
            for (index, entry) in Self.names.enumerated() {
                for value in 0..<20 {
                    var arguments = [UInt64](repeating: 999_999, count: 6)
                    #expect(try Verdict(machine.run(.x86_64, entry.number, arguments)) == .allow)
                    arguments[value % 6] = UInt64(value * 1000 + index)
                    #expect(try Verdict(machine.run(.x86_64, entry.number, arguments)) == .errno(UInt32(100 + index)))
                }
            }
        }
    }
#endif
