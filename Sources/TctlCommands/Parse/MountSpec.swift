internal import DockerAPI

/// `--mount type=bind,source=/a,target=/b,readonly`.
enum MountSpec {
    /// Reads one `--mount`.
    /// - Throws: `CommandFailure` (125) that names the field.
    static func parse(_ text: String, workingDirectory: () throws -> String) throws -> Mount {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid --mount \(Printable(text)): \(reason)", status: 125) }
        var mount = Mount(type: "volume")
        var seen: Set<String> = []
        for field in try CSV.fields(text, fail) {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let key = parts[0].lowercased()
            seen.insert(key)
            if parts.count == 1 {
                switch key {
                case "readonly", "ro": mount.readOnly = true
                case "volume-nocopy": with(&mount.volumeOptions) { $0.noCopy = true }
                case "bind-nonrecursive": with(&mount.bindOptions) { $0.nonRecursive = true }
                default: throw fail("\(Printable(field)) must be written as KEY=VALUE")
                }
                continue
            }
            try set(key, to: parts[1], in: &mount, workingDirectory: workingDirectory, fail)
        }
        try check(mount, keys: seen, fail)
        return mount
    }

    private static func set(
        _ key: String, to value: String, in mount: inout Mount, workingDirectory: () throws -> String, _ fail: (String) -> CommandFailure
    ) throws {
        func truth() throws -> Bool {
            guard let truth = Truth.parse(value) else { throw fail("\(Printable(value)) for \(key) is not true or false") }
            return truth
        }
        switch key {
        case "type": mount.type = value.lowercased()
        case "source", "src": mount.source = value.hasPrefix(".") ? Paths.absolute(value, from: try workingDirectory()) : value
        case "target", "dst", "destination": mount.target = value
        case "readonly", "ro": mount.readOnly = try truth()
        case "consistency": mount.consistency = value.lowercased()
        case "bind-propagation": with(&mount.bindOptions) { $0.propagation = value.lowercased() }
        case "bind-nonrecursive":
            let on = try truth()
            with(&mount.bindOptions) { $0.nonRecursive = on }
        case "bind-create-src":
            let on = try truth()
            with(&mount.bindOptions) { $0.createMountpoint = on }
        case "bind-recursive": try setRecursion(value, in: &mount, fail)
        case "volume-subpath": with(&mount.volumeOptions) { $0.subpath = value }
        case "volume-nocopy":
            let on = try truth()
            with(&mount.volumeOptions) { $0.noCopy = on }
        case "volume-label":
            let (name, label) = KeyValue.split(value)
            with(&mount.volumeOptions) { $0.labels[name] = label ?? "" }
        case "volume-driver": with(&mount.volumeOptions) { with(&$0.driverConfig) { $0.name = value } }
        case "volume-opt":
            let (name, option) = KeyValue.split(value)
            with(&mount.volumeOptions) { with(&$0.driverConfig) { $0.options[name] = option ?? "" } }
        case "image-subpath": with(&mount.imageOptions) { $0.subpath = value }
        case "tmpfs-size":
            guard let size = Numbers.bytes(value) else { throw fail("\(Printable(value)) for tmpfs-size is not a size; write 64m") }
            with(&mount.tmpfsOptions) { $0.sizeBytes = size }
        case "tmpfs-mode":
            guard let mode = UInt32(value, radix: 8), mode <= 0o7777 else {
                throw fail("\(Printable(value)) for tmpfs-mode is not octal; write 1777")
            }
            with(&mount.tmpfsOptions) { $0.mode = mode }
        default: throw fail("\(Printable(key)) is not a field of a mount")
        }
    }

    private static func setRecursion(_ value: String, in mount: inout Mount, _ fail: (String) -> CommandFailure) throws {
        switch value {
        case "enabled": break
        case "disabled": with(&mount.bindOptions) { $0.nonRecursive = true }
        case "writable": with(&mount.bindOptions) { $0.readOnlyNonRecursive = true }
        case "readonly": with(&mount.bindOptions) { $0.readOnlyForceRecursive = true }
        default: throw fail("\(Printable(value)) for bind-recursive is not enabled, disabled, writable or readonly")
        }
    }

    private static func check(_ mount: Mount, keys: Set<String>, _ fail: (String) -> CommandFailure) throws {
        guard ["bind", "volume", "tmpfs", "image"].contains(mount.type) else {
            throw fail("type \(Printable(mount.type)) is not bind, volume, tmpfs or image")
        }
        if mount.target.isEmpty { throw fail("the target is missing; add target=PATH") }
        for kind in ["bind", "volume", "tmpfs", "image"] where kind != mount.type {
            if let key = keys.sorted().first(where: { $0.hasPrefix(kind + "-") }) {
                throw fail("\(key) goes with type=\(kind), not with type=\(mount.type)")
            }
        }
        if mount.type == "bind" && mount.source.isEmpty { throw fail("a bind needs source=PATH") }
        if let bind = mount.bindOptions {
            if bind.readOnlyNonRecursive && !mount.readOnly { throw fail("bind-recursive=writable goes with readonly") }
            if bind.readOnlyForceRecursive && (!mount.readOnly || bind.propagation != "rprivate") {
                throw fail("bind-recursive=readonly goes with readonly and bind-propagation=rprivate")
            }
        }
    }

    /// Changes options, making them first where there are none.
    private static func with<Options: DefaultInitializable>(_ options: inout Options?, _ body: (inout Options) -> Void) {
        var value = options ?? Options()
        body(&value)
        options = value
    }
}

private protocol DefaultInitializable {
    init()
}

extension BindOptions: DefaultInitializable {}
extension VolumeOptions: DefaultInitializable {}
extension VolumeDriverConfig: DefaultInitializable {}
extension ImageOptions: DefaultInitializable {}
extension TmpfsOptions: DefaultInitializable {}

/// One line of comma separated values (RFC 4180), as Go's encoding/csv reads it.
enum CSV {
    static func fields(_ text: String, _ fail: (String) -> CommandFailure) throws -> [String] {
        var fields: [String] = []
        var rest = Substring(text)
        while true {
            var field = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let character = rest.popFirst() else { throw fail("a quote that does not end") }
                    if character != "\"" {
                        field.append(character)
                    } else if rest.first == "\"" {
                        field.append("\"")
                        rest.removeFirst()
                    } else {
                        break
                    }
                }
                guard rest.isEmpty || rest.first == "," else { throw fail("text after a closing quote") }
            } else {
                field = String(rest.prefix { $0 != "," })
                if field.contains("\"") { throw fail("a quote in the middle of a field") }
                rest.removeFirst(field.count)
            }
            fields.append(field)
            if rest.isEmpty { return fields }
            rest.removeFirst()
        }
    }
}
