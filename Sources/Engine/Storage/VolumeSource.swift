internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// What the options of a volume of the driver `local` say (`type`, `o`, `device`): where its content comes from.
enum VolumeSource: Sendable, Equatable {
    /// A directory of the host (`o=bind`): bound into containers as it is, mounted nowhere on the host.
    case directory(String, attributes: [String], recursive: Bool)
    /// A file system of its own, mounted while containers run that have the volume.
    case fileSystem(VolumeFileSystem)

    /// Reads options as Docker's driver does, and refuses what is no option of a file system.
    /// - Returns: nil when there are none: the volume is a directory of Timber's.
    /// - Throws: `TimberError.invalidArgument` that names the option.
    init?(_ options: [String: String]) throws {
        for key in options.keys.sorted() where !["type", "o", "device"].contains(key) {
            guard key == "size" else { throw TimberError(.invalidArgument, "invalid option: \(key.prefix(200).debugDescription)") }
            throw TimberError(
                .invalidArgument,
                "invalid option: \"size\": volumes have no quota in Timber; type=tmpfs and o=size=… make one of fixed size")
        }
        guard !options.isEmpty else { return nil }
        for key in ["type", "device"] where options[key, default: ""].isEmpty {
            throw TimberError(.invalidArgument, "missing required option: \"\(key)\"")
        }
        guard options.values.allSatisfy({ $0.utf8.count < 4_096 && !$0.utf8.contains(0) }) else {
            throw TimberError(.invalidArgument, "invalid option: too long, or with a NUL in it")
        }
        let (type, device) = (options["type", default: ""], options["device", default: ""])
        var words = VolumeMountWords()
        for word in options["o", default: ""].split(separator: ",").map(String.init) { try words.take(word) }
        guard words.binds else {
            self = .fileSystem(try VolumeFileSystem(type: type, device: device, words))
            return
        }
        guard ["none", "bind"].contains(type) else {
            throw TimberError(.invalidArgument, "invalid option: \"type\": o=bind goes with type=none, not with \(type.prefix(64))")
        }
        guard let directory = cleanPath(device) else {
            throw TimberError(
                .invalidArgument, "invalid option: \"device\": \(device.debugDescription) must be an absolute path of the host")
        }
        if let option = words.data.first {
            throw TimberError(.invalidArgument, "invalid option: \"o\": \(option.debugDescription) means nothing for a bind")
        }
        self = .directory(directory, attributes: words.attributes, recursive: words.recurses)
    }
}

/// A file system that a volume mounts.
struct VolumeFileSystem: Sendable, Equatable {
    var type: String
    var device: String
    /// MS_*.
    var flags: UInt
    /// What the file system itself understands.
    var data: [String]

    /// Views of the kernel, of processes and of devices: no volume, and one more way around what is masked in containers.
    private static let kernels: Set<String> = [
        "autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
        "functionfs", "fusectl", "mqueue", "nfsd", "nsfs", "overlay", "proc", "pstore", "resctrl", "rpc_pipefs", "securityfs",
        "selinuxfs", "smackfs", "sysfs", "tracefs", "xenfs",
    ]

    fileprivate init(type: String, device: String, _ words: VolumeMountWords) throws {
        guard (1...64).contains(type.utf8.count),
            type.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || "_.-".utf8.contains($0)
            })
        else { throw TimberError(.invalidArgument, "invalid option: \"type\": \(type.prefix(64).debugDescription) is no file system") }
        guard type != "none", type != "bind" else {
            throw TimberError(.invalidArgument, "invalid option: \"type\": \(type) goes with o=bind")
        }
        guard !Self.kernels.contains(type) else {
            throw TimberError(.invalidArgument, "invalid option: \"type\": \(type) shows the kernel, it is no file system for a volume")
        }
        self.type = type
        self.device = device
        flags = words.flags
        data = words.data
    }

    /// Mounts it; blocks as long as its server pleases.
    /// - Throws: `TimberError` that names the volume.
    func mount(on path: String, volume: String) throws {
        do {
            let text = try addressed().joined(separator: ",")
            try checking("mount", "\(type) \(device)") { timber_mount(device, path, type, flags, text) }
        } catch let error as SystemError {
            throw TimberError(
                .invalidArgument, "cannot mount volume \(volume) (type=\(type), device=\(device), o=\(shown))",
                cause: error)
        }
    }

    /// The words of `o` for people: without passwords.
    private var shown: String {
        data.map { word in
            let isSecret = word.hasPrefix("password=") || word.hasPrefix("password2=") || word.hasPrefix("pass=")
            return isSecret ? "\(word.prefix { $0 != "=" })=********" : word
        }.joined(separator: ",")
    }

    /// NFS in the kernel wants an address where people write a name.
    private func addressed() throws -> [String] {
        guard type.hasPrefix("nfs") || type == "cifs" else { return data }
        return try data.map { option in
            guard option.hasPrefix("addr=") else { return option }
            return "addr=\(try HostAddress.resolve(String(option.dropFirst("addr=".count))))"
        }
    }
}

/// The words of `o`, sorted into flags of mount(2) and what the file system understands. Words that move, repeat or share a mount, and
/// those that only mount(8) gives a meaning, are refused: none describes what is in a volume, and some would change other mounts.
private struct VolumeMountWords {
    var flags: UInt = 0
    var data: [String] = []
    /// As a bind takes them.
    var attributes: [String] = []
    var binds = false
    var recurses = false

    /// MS_* by name (mount(2)); 0: the default, named.
    private static let flagWords: [String: UInt] = [
        "defaults": 0, "rw": 0, "suid": 0, "dev": 0, "exec": 0, "async": 0, "atime": 0, "diratime": 0, "norelatime": 0,
        "nostrictatime": 0, "ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "sync": 16, "dirsync": 128, "noatime": 1 << 10,
        "nodiratime": 1 << 11, "relatime": 1 << 21, "strictatime": 1 << 24, "lazytime": 1 << 25,
    ]
    private static let refused: Set<String> = [
        "remount", "move", "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable", "user", "nouser",
        "users", "owner", "group", "auto", "noauto", "nofail", "_netdev", "loop", "offset", "sizelimit", "helper", "uhelper", "nosymfollow",
    ]

    mutating func take(_ word: String) throws {
        let name = String(word.prefix { $0 != "=" })
        if Self.refused.contains(name) || name.lowercased().hasPrefix("x-") {
            throw TimberError(
                .invalidArgument, "invalid option: \"o\": \(word.debugDescription) is about mounting, not about what is in a volume")
        }
        switch word {
        case "bind": binds = true
        case "rbind": (binds, recurses) = (true, true)
        default:
            guard let flag = Self.flagWords[word] else { return data.append(word) }
            flags |= flag
            if ["ro", "nosuid", "nodev", "noexec"].contains(word) { attributes.append(word) }
        }
    }
}

enum HostAddress {
    /// The address of a name, or the address itself.
    /// - Throws: `TimberError.invalidArgument`.
    static func resolve(_ name: String) throws -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard status == 0, let first = list?.pointee,
            getnameinfo(first.ai_addr, first.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { throw TimberError(.invalidArgument, "cannot find the address of \(name): \(String(cString: gai_strerror(status)))") }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
