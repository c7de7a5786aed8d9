internal import Errors
internal import LinuxKernel

/// The records of a pax extended header (POSIX.1-2001) that override fields of the member that follows.
struct PaxRecords {
    var path: [UInt8]?
    var link: [UInt8]?
    var size: Int64?
    var uid: Int64?
    var gid: Int64?
    var modified: FileTime?
    private(set) var attributes: [TarEntry.Attribute] = []
    /// Where an attribute is: the last record of a name counts.
    private var positions: [[UInt8]: Int] = [:]

    /// More than any real file has.
    private static let attributeLimit = 1_000
    private static let attributePrefix = Array("SCHILY.xattr.".utf8)

    /// Reads `LENGTH KEY=VALUE\n` records; unknown keys are passed over.
    /// - Throws: `TimberError.invalidArgument` for malformed records, `.unsupported` for sparse files.
    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let (key, value, remaining) = try Self.record(rest)
            try take(key, value)
            rest = remaining
        }
    }

    private mutating func take(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws {
        if key.starts(with: Self.attributePrefix) {
            let name = Array(key.dropFirst(Self.attributePrefix.count))
            guard !name.isEmpty, !name.contains(0) else { throw Self.malformed("the name of an extended attribute") }
            let attribute = TarEntry.Attribute(name: name, value: Array(value))
            if let position = positions[name] {
                attributes[position] = attribute
            } else if attributes.count < Self.attributeLimit {
                positions[name] = attributes.count
                attributes.append(attribute)
            } else {
                throw TimberError(.invalidArgument, "a pax header with more than \(Self.attributeLimit) extended attributes")
            }
            return
        }
        let name = String(decoding: key, as: UTF8.self)
        switch name {
        case "path": path = try Self.text(value, name)
        case "linkpath": link = try Self.text(value, name)
        case "size": size = try Self.integer(value, name)
        case "uid": uid = try Self.integer(value, name)
        case "gid": gid = try Self.integer(value, name)
        case "mtime": modified = try Self.time(value)
        case _ where name.hasPrefix("GNU.sparse."):
            throw TimberError(.unsupported, "sparse files in tar archives are not supported: make the archive without --sparse")
        default: break
        }
    }

    private static func record(
        _ bytes: ArraySlice<UInt8>
    ) throws -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) {
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        // Seven digits are more than a header may have.
        guard (1...7).contains(digits.count) else { throw malformed("the length of a record") }
        let length = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let record = bytes.prefix(length)
        guard record.count == length, record.count > digits.count + 1, record.last == UInt8(ascii: "\n"),
            record[digits.endIndex] == UInt8(ascii: " ")
        else { throw malformed("the length of a record") }
        let body = record[(digits.endIndex + 1)...].dropLast()
        guard let equals = body.firstIndex(of: UInt8(ascii: "=")), equals > body.startIndex else { throw malformed("a record") }
        return (body[..<equals], body[(equals + 1)...], bytes[record.endIndex...])
    }

    /// An empty value takes the override back.
    private static func text(_ value: ArraySlice<UInt8>, _ key: String) throws -> [UInt8]? {
        if value.contains(0) { throw malformed(key) }
        return value.isEmpty ? nil : Array(value)
    }

    private static func integer(_ value: ArraySlice<UInt8>, _ key: String) throws -> Int64? {
        if value.isEmpty { return nil }
        guard let number = Int64(String(decoding: value, as: UTF8.self)), value.first != UInt8(ascii: "+") else { throw malformed(key) }
        return number
    }

    /// Decimal seconds with any number of fractional digits; below the nanosecond they are dropped.
    private static func time(_ value: ArraySlice<UInt8>) throws -> FileTime? {
        if value.isEmpty { return nil }
        let parts = value.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = try integer(parts[0], "mtime") else { throw malformed("mtime") }
        let fraction = parts.count > 1 ? parts[1].prefix(9) : []
        guard fraction.allSatisfy({ (0x30...0x39).contains($0) }) else { throw malformed("mtime") }
        var nanoseconds = fraction.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        for _ in fraction.count..<9 { nanoseconds *= 10 }
        let isNegative = value.first == UInt8(ascii: "-")
        if isNegative && nanoseconds > 0 {
            // -1.25 is 0.75 after -2.
            let (floor, overflow) = seconds.subtractingReportingOverflow(1)
            return overflow ? FileTime(seconds: seconds) : FileTime(seconds: floor, nanoseconds: 1_000_000_000 - nanoseconds)
        }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func malformed(_ what: String) -> TimberError {
        TimberError(.invalidArgument, "malformed pax header: \(what)")
    }
}
