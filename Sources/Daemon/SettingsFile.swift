internal import Errors
internal import Foundation
internal import LinuxKernel

/// What a configuration file or the command line says; nil: not said.
struct SettingsFile: Sendable, Equatable {
    var dataDir: String?
    var runDir: String?
    var socket: String?
    var group: String?
    var bridge: String?
    var bridgeSubnet: String?
    var cgroupParent: String?
    var logLevel: String?
    var registries: String?

    /// The keys of the file, in the words of the flags.
    static let keys: [(name: String, path: any WritableKeyPath<SettingsFile, String?> & Sendable)] = [
        ("data-dir", \.dataDir), ("run-dir", \.runDir), ("socket", \.socket), ("group", \.group), ("bridge", \.bridge),
        ("bridge-subnet", \.bridgeSubnet), ("cgroup-parent", \.cgroupParent), ("log-level", \.logLevel),
        ("registries", \.registries),
    ]

    /// Reads a file: one JSON object, comments allowed. An unknown key is an error: a setting that is misspelt must not be ignored.
    /// - Throws: `TimberError.invalidArgument` that names the file, the line and the key.
    static func read(_ path: String) throws -> SettingsFile {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path)
        } catch let error as SystemError {
            throw TimberError(.invalidArgument, "cannot read the configuration file", cause: error)
        }
        return try parse(bytes, path: path)
    }

    static func parse(_ bytes: [UInt8], path: String) throws -> SettingsFile {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        let values: [String: String]
        do {
            values = try decoder.decode([String: String].self, from: Data(bytes))
        } catch DecodingError.typeMismatch(_, let context) {
            guard let key = context.codingPath.last?.stringValue else {
                throw TimberError(.invalidArgument, "the configuration file \(path) must be one JSON object")
            }
            throw TimberError(.invalidArgument, "\(path):\(KeyLines(bytes)[key]): the value of \"\(key)\" must be a string")
        } catch {
            throw TimberError(.invalidArgument, "the configuration file \(path) is not JSON", cause: error)
        }
        let lines = KeyLines(bytes)
        if let (key, line) = lines.repeated {
            throw TimberError(.invalidArgument, "\(path):\(line): \"\(key)\" is said twice: leave one of them")
        }
        var result = SettingsFile()
        for (key, value) in values.sorted(by: { lines[$0.key] < lines[$1.key] }) {
            let place = "\(path):\(lines[key])"
            guard let known = keys.first(where: { $0.name == key }) else {
                throw TimberError(
                    .invalidArgument, "\(place): unknown key \"\(key)\": the keys are \(keys.map(\.name).joined(separator: ", "))")
            }
            guard !value.isEmpty else { throw TimberError(.invalidArgument, "\(place): the value of \"\(key)\" is empty") }
            result[keyPath: known.path] = value
        }
        return result
    }

    /// These settings, with those of `other` where they are not said here.
    func filled(from other: SettingsFile) -> SettingsFile {
        var result = self
        for key in Self.keys where result[keyPath: key.path] == nil { result[keyPath: key.path] = other[keyPath: key.path] }
        return result
    }
}
