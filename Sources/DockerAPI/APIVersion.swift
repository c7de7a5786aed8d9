/// A version of the Docker Engine API, as `1.50`.
public struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The oldest that the daemon speaks.
    public static let oldest = APIVersion(major: 1, minor: 24)
    /// The newest that the daemon speaks; what a request without a version gets.
    public static let newest = APIVersion(major: 1, minor: 50)

    /// The part before the point.
    public let major: Int
    /// The part behind the point.
    public let minor: Int

    /// Makes a version.
    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `1.50`.
    /// - Returns: nil when it is anything else.
    public init?(_ text: Substring) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Self.number(parts[0]), let minor = Self.number(parts[1]) else { return nil }
        self.init(major: major, minor: minor)
    }

    private static func number(_ digits: Substring) -> Int? {
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits)
    }

    /// `1.50`.
    public var description: String { "\(major).\(minor)" }

    /// Older than.
    public static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
