/// What the flag reader has to know about a command beyond its ArgumentParser declaration.
struct CommandShape {
    /// How many arguments a command takes.
    enum Arguments: Equatable {
        case none
        case exactly(Int)
        case atLeast(Int)
        case atMost(Int)

        /// Docker's words about a wrong number; nil when it is right.
        func complaint(count: Int) -> String? {
            switch self {
            case .none where count > 0: "accepts no arguments"
            case .exactly(let wanted) where count != wanted: "requires \(Arguments.plural(wanted))"
            case .atLeast(let wanted) where count < wanted: "requires at least \(Arguments.plural(wanted))"
            case .atMost(let wanted) where count > wanted: "accepts at most \(Arguments.plural(wanted))"
            default: nil
            }
        }

        private static func plural(_ count: Int) -> String { count == 1 ? "1 argument" : "\(count) arguments" }
    }

    /// Flags without a value: `d,detach`, `rm`, or `sig-proxy=true` for one that is on by default. Every other flag takes a value.
    var switches: [String]
    /// Flags with a value that have more names than the one that their property's gives them: `e,env`, or `network,net` for two long
    /// ones, of which the first is the property's. A flag that is missing here is read by ArgumentParser, only slower.
    var values: [String] = []
    /// How many arguments there must be.
    var arguments: Arguments
    /// Everything from the first argument on is an argument, whatever it looks like: `run IMAGE COMMAND -x`.
    var stopsAtFirstArgument = false
    /// `-h` asks for help; not where it is the host name.
    var hasShortHelp = true

    /// The first long name of a flag with a value, without dashes.
    func valueName(_ flag: String) -> String {
        let given = flag.drop { $0 == "-" }
        for names in values {
            let names = names.split(separator: ",")
            if names.contains(given), let long = names.first(where: { $0.utf8.count > 1 }) { return String(long) }
        }
        return String(given)
    }
}

/// Reads flags as Docker does (pflag): bundles `-itd`, joined values `-p8080:80` and `-p=8080:80`, switches with a value
/// `--rm=false`; and writes them in the one form that needs no guessing by ArgumentParser.
struct FlagReader {
    /// Flags in canonical form, then `--`, then the arguments.
    private(set) var canonical: [String] = []
    /// Names of the flags that were given, with their dashes.
    private(set) var flags: [String] = []
    /// The flags that take a value, in the order given, by their first long name without dashes.
    private(set) var values: [(name: String, value: String)] = []
    /// What is not a flag.
    private(set) var arguments: [String] = []
    /// `--help` was given.
    private(set) var wantsHelp = false
    /// The first flag without the value it needs, or with one it cannot have; an unknown flag is the better message.
    private(set) var problem: CommandFailure?

    private struct Switch {
        let short: String?
        let long: String
        let isOn: Bool

        init(_ specification: String) {
            let parts = specification.split(separator: "=")
            let names = parts[0].split(separator: ",").map(String.init)
            short = names.count == 2 ? names[0] : nil
            long = names[names.count - 1]
            isOn = parts.count == 2
        }
    }

    private let shape: CommandShape
    private let switches: [Switch]
    private var states: [String: Bool] = [:]

    /// A switch's state; nil when there is none of that name.
    func state(of name: String) -> Bool? { states[name] ?? switches.first { $0.long == name }?.isOn }

    /// Reads a command line behind the command's name.
    init(_ words: [String], shape: CommandShape) {
        self.shape = shape
        switches = shape.switches.map(Switch.init)
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            if word.hasPrefix("--") {
                long(word, &rest)
            } else if word.hasPrefix("-") && word != "-" {
                short(word, &rest)
            } else {
                arguments.append(word)
                if shape.stopsAtFirstArgument {
                    arguments += rest
                    break
                }
            }
        }
        for state in switches {
            guard let on = states[state.long], on != state.isOn else { continue }
            canonical.append(on ? "--\(state.long)" : "--no-\(state.long)")
        }
        canonical.append("--")
        canonical += arguments
    }

    private mutating func long(_ word: String, _ rest: inout ArraySlice<String>) {
        let (flag, value) = KeyValue.split(word)
        let name = String(flag.dropFirst(2))
        flags.append(flag)
        if name == "help" {
            wantsHelp = true
        } else if let known = switches.first(where: { $0.long == name }) {
            set(known, flag: flag, to: value)
        } else {
            emit(flag, value ?? rest.popFirst())
        }
    }

    private mutating func short(_ word: String, _ rest: inout ArraySlice<String>) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            let name = String(letter)
            flags.append("-\(name)")
            if name == "h" && shape.hasShortHelp {
                wantsHelp = true
            } else if let known = switches.first(where: { $0.short == name }) {
                if letters.first == "=" {
                    set(known, flag: "-\(name)", to: String(letters.dropFirst()))
                    return
                }
                set(known, flag: "-\(name)", to: nil)
            } else if letters.isEmpty {
                return emit("-\(name)", rest.popFirst())
            } else {
                return emit("-\(name)", String(letters.first == "=" ? letters.dropFirst() : letters))
            }
        }
    }

    private mutating func set(_ known: Switch, flag: String, to value: String?) {
        guard let on = value.map(Truth.parse) ?? true else {
            problem = problem ?? .usage("invalid value \(Printable(value ?? "")) for \(flag): it is true or false")
            return
        }
        states[known.long] = on
    }

    private mutating func emit(_ flag: String, _ value: String?) {
        guard let value else {
            problem = problem ?? .usage("flag \(flag) needs a value")
            return
        }
        values.append((shape.valueName(flag), value))
        // ArgumentParser takes `--flag=` for a flag without a value.
        canonical += value.isEmpty ? [flag, value] : ["\(flag)=\(value)"]
    }
}
