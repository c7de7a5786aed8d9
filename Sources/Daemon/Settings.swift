internal import Engine
internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import Registries

/// The settings that a daemon runs with.
struct Settings: Sendable {
    static let defaultFile = "/etc/timber/timberd.json"
    private static let defaultRegistries = "/etc/timber/registries.json"
    private static let defaultData = "/var/lib/timber"

    /// What was said, by the file and the command line together.
    let said: SettingsFile
    let dataDirectory: String
    let socket: String
    let group: String
    let logLevel: Logger.Level
    private(set) var engine: Engine.Configuration

    /// Flags win over the file, the file over the defaults. The default file may be missing, one that is named may not.
    static func resolve(file: String?, flags: SettingsFile) throws -> Settings {
        var said = flags
        if let file {
            said = said.filled(from: try SettingsFile.read(file))
        } else if Files.isDirectory(defaultFile) != nil {
            said = said.filled(from: try SettingsFile.read(defaultFile))
        }
        return try Settings(said)
    }

    init(_ said: SettingsFile) throws {
        self.said = said
        dataDirectory = try Self.absolute(said.dataDir ?? Self.defaultData, "data-dir")
        let run = try Self.absolute(said.runDir ?? "/run/timber", "run-dir")
        socket = try Self.absolute(said.socket ?? "\(run)/timberd.sock", "socket")
        group = said.group ?? "timber"
        let bridge = said.bridge ?? "timber0"
        guard (1...15).contains(bridge.utf8.count), bridge.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }) else {
            throw TimberError(.invalidArgument, "invalid bridge name \"\(bridge)\": 1 to 15 printable characters without a slash")
        }
        guard let level = Logger.Level(rawValue: said.logLevel ?? "info") else {
            throw TimberError(
                .invalidArgument,
                "invalid log level \"\(said.logLevel ?? "")\": one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        logLevel = level
        engine = Engine.Configuration(
            dataDirectory: dataDirectory, runDirectory: run, shimPath: try Self.shimPath(), bridge: bridge,
            bridgeSubnet: said.bridgeSubnet, cgroupParent: said.cgroupParent ?? Self.cgroupParent(data: dataDirectory))
        try engine.validate()
        engine.registries = try Self.registries(said.registries)
    }

    /// A file that is named must be there, the default one need not.
    private static func registries(_ file: String?) throws -> RegistryConfiguration? {
        if let file { return try RegistryConfiguration.read(try absolute(file, "registries")) }
        return Files.isDirectory(defaultRegistries) == nil ? nil : try RegistryConfiguration.read(defaultRegistries)
    }

    /// Each daemon ends what it does not know below its cgroup: no two may share one, and the data directory is what no two share. Under
    /// systemd the one of the service is in timber.slice, as the service is.
    private static func cgroupParent(data: String) -> String {
        guard data == defaultData else { return "timber-\(fingerprint(data))" }
        return ServiceManager.hasBooted ? "timber.slice/containers" : "timber"
    }

    /// FNV-1a of a path, 16 hexadecimal digits: short, and the same at every start.
    private static func fingerprint(_ path: String) -> String {
        let hash = path.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func absolute(_ path: String, _ key: String) throws -> String {
        guard path.hasPrefix("/") else { throw TimberError(.invalidArgument, "\(key) \"\(path)\" must be an absolute path") }
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The shim that was installed with this timberd: beside it, or in libexec.
    private static func shimPath() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let directory = own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex)
        let candidates = ["\(directory)/timber-shim", "\(directory)/../libexec/timber/timber-shim"]
        guard let found = candidates.first(where: { Files.isDirectory($0) == false }) else {
            throw TimberError(
                .notFound, "cannot find timber-shim: looked for \(candidates.joined(separator: " and ")); install it with timberd")
        }
        return found
    }
}
