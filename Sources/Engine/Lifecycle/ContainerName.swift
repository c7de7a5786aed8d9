internal import Errors

/// Names and ids of containers, as Docker accepts them.
enum ContainerName {
    /// Checks a name: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`, at most 128 bytes; one leading slash is dropped.
    /// - Throws: `TimberError.invalidArgument`.
    static func validated(_ name: String) throws -> String {
        let plain = name.hasPrefix("/") ? String(name.dropFirst()) : name
        let bytes = Array(plain.utf8)
        guard (2...128).contains(bytes.count), let first = bytes.first, isAlphanumeric(first),
            bytes.dropFirst().allSatisfy({ isAlphanumeric($0) || $0 == 0x5f || $0 == 0x2e || $0 == 0x2d })
        else {
            throw TimberError(
                .invalidArgument,
                "invalid container name (\(name.prefix(150).debugDescription)): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to 128 of them"
            )
        }
        return plain
    }

    /// The message for a name that another container has.
    static func taken(_ name: String, by owner: String) -> String {
        "the container name \"/\(name)\" is already in use by container \(owner.prefix(12)): remove or rename that container to use the name again"
    }

    /// A fresh id: 64 hexadecimal characters, the first twelve not all digits (they are the default host name).
    static func makeID() -> String {
        var generator = SystemRandomNumberGenerator()
        while true {
            let id = (0..<4).map { _ in hexadecimal(generator.next()) }.joined()
            if id.prefix(12).contains(where: { !$0.isNumber }) { return id }
        }
    }

    /// A name to read aloud, for a container that was given none.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        let adjective = adjectives.randomElement(using: &generator) ?? "plain"
        return "\(adjective)_\(trees.randomElement(using: &generator) ?? "tree")\(UInt16.random(in: 0...999, using: &generator))"
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    private static let adjectives = [
        "amber", "ancient", "bold", "brisk", "calm", "clear", "cool", "crisp", "deep", "dusty", "early", "evergreen", "fair", "fresh",
        "gentle", "golden", "grand", "green", "hardy", "hollow", "keen", "leafy", "light", "lively", "lofty", "mellow", "mossy", "noble",
        "quiet", "red", "rooted", "rugged", "shady", "silver", "slender", "solid", "steady", "still", "straight", "sturdy", "sunny",
        "swift", "tall", "tidy", "upright", "verdant", "warm", "wild", "windy", "young",
    ]
    private static let trees = [
        "acacia", "alder", "almond", "apple", "ash", "aspen", "balsa", "baobab", "beech", "birch", "cedar", "cherry", "chestnut",
        "cypress", "ebony", "elder", "elm", "fig", "fir", "ginkgo", "hawthorn", "hazel", "hemlock", "hickory", "holly", "hornbeam",
        "juniper", "larch", "laurel", "linden", "mahogany", "maple", "mulberry", "myrtle", "oak", "olive", "palm", "pear", "pine",
        "plane", "poplar", "quince", "redwood", "rowan", "sequoia", "spruce", "sycamore", "teak", "walnut", "willow", "yew",
    ]
}
