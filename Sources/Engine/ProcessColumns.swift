internal import Errors

/// What `top` shows of each process: the arguments of ps(1) that choose columns, of which none is ever executed.
struct ProcessColumns: Sendable, Equatable {
    /// A column, and what it is called above.
    struct Column: Sendable, Equatable {
        var kind: Kind
        var title: String
    }

    enum Kind: String, Sendable, CaseIterable {
        case uid, gid, pid, ppid, pgid, sid, cpu = "pcpu", memory = "pmem", virtual = "vsz", resident = "rss", terminal = "tty", state =
            "stat"
        case start = "stime", time, threads = "nlwp", nice = "ni", name = "comm", command = "args", utilization = "c"
    }

    var columns: [Column]

    /// Of `ps -ef`.
    static let full = ProcessColumns(
        columns: [
            Column(kind: .uid, title: "UID"), Column(kind: .pid, title: "PID"), Column(kind: .ppid, title: "PPID"),
            Column(kind: .utilization, title: "C"), Column(kind: .start, title: "STIME"), Column(kind: .terminal, title: "TTY"),
            Column(kind: .time, title: "TIME"), Column(kind: .command, title: "CMD"),
        ])

    /// Of `ps aux`.
    static let user = ProcessColumns(
        columns: [
            Column(kind: .uid, title: "USER"), Column(kind: .pid, title: "PID"), Column(kind: .cpu, title: "%CPU"),
            Column(kind: .memory, title: "%MEM"), Column(kind: .virtual, title: "VSZ"), Column(kind: .resident, title: "RSS"),
            Column(kind: .terminal, title: "TTY"), Column(kind: .state, title: "STAT"), Column(kind: .start, title: "START"),
            Column(kind: .time, title: "TIME"), Column(kind: .command, title: "COMMAND"),
        ])

    /// The titles that ps has for columns that are asked for by name, where they are not the name in capitals.
    private static let titles: [String: String] = [
        "pcpu": "%CPU", "%cpu": "%CPU", "pmem": "%MEM", "%mem": "%MEM", "comm": "COMMAND", "ucmd": "CMD", "args": "COMMAND",
        "command": "COMMAND", "tty": "TT", "tname": "TTY", "user": "USER", "pgrp": "PGRP", "sess": "SESS", "stat": "STAT", "s": "S",
    ]
    private static let aliases: [String: Kind] = [
        "%cpu": .cpu, "%mem": .memory, "user": .uid, "euid": .uid, "ruid": .uid, "egid": .gid, "pgrp": .pgid, "sess": .sid, "tt": .terminal,
        "tname": .terminal, "vsize": .virtual, "rssize": .resident, "rsz": .resident, "s": .state, "state": .state, "start": .start,
        "cputime": .time, "thcount": .threads, "nice": .nice, "cmd": .command, "command": .command, "ucmd": .name, "ucomm": .name,
    ]

    private init(columns: [Column]) { self.columns = columns }

    /// - Parameter arguments: as after `ps`; which processes they choose makes no difference, all of the container are shown.
    /// - Throws: `TimberError.unsupported` for what is not known here.
    init(parsing arguments: String) throws {
        var chosen: [Column] = []
        var format = Self.full
        var words = arguments.split(separator: " ")[...]
        while let word = words.popFirst() {
            let isUnix = word.hasPrefix("-")
            var flags = isUnix ? word.dropFirst() : word
            while let flag = flags.popFirst() {
                switch flag {
                case "o":
                    // What follows is the list, in the same word or the next.
                    if flags.isEmpty { flags = words.popFirst() ?? "" }
                    chosen += try Self.list(flags, arguments)
                    flags = ""
                case "e", "f", "A", "a", "x", "w": continue
                case "u" where !isUnix || word == "-aux": format = Self.user
                default: throw Self.unsupported(arguments)
                }
            }
        }
        columns = chosen.isEmpty ? format.columns : chosen
        guard columns.contains(where: { $0.kind == .pid }) else {
            throw TimberError(.invalidArgument, "ps arguments \"\(arguments.prefix(80))\" leave out the column pid")
        }
    }

    private static func list(_ text: Substring, _ arguments: String) throws -> [Column] {
        guard !text.isEmpty else {
            throw TimberError(.invalidArgument, "ps arguments \"\(arguments.prefix(80))\" name no columns behind -o")
        }
        return try text.split(separator: ",").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let kind = Kind(rawValue: parts[0]) ?? aliases[parts[0]] else { throw unsupported(arguments) }
            let title = parts.count == 2 ? parts[1] : titles[parts[0]] ?? parts[0].uppercased()
            return Column(kind: kind, title: title)
        }
    }

    private static func unsupported(_ arguments: String) -> TimberError {
        TimberError(
            .unsupported,
            "ps arguments \"\(arguments.prefix(80))\" are not supported by Timber: it knows -ef, aux and -o with \(Kind.allCases.map(\.rawValue).joined(separator: ","))"
        )
    }
}
