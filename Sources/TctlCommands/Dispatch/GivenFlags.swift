internal import ArgumentParser

/// What was given on the command line, and what of it has been taken.
final class GivenFlags {
    private let reader: FlagReader
    private var values: [String: [String]] = [:]
    private var arguments: ArraySlice<String>

    init(_ reader: FlagReader) {
        self.reader = reader
        for (name, value) in reader.values { values[name, default: []].append(value) }
        arguments = reader.arguments[...]
    }

    /// Whether there is nothing that no property has taken.
    var isUsedUp: Bool { values.isEmpty && arguments.isEmpty }

    /// A flag without a value.
    /// - Throws: `NotFilled` when the command's shape has no such flag.
    func state(_ flag: String) throws -> Bool {
        guard let state = reader.state(of: flag) else { throw NotFilled() }
        return state
    }

    /// All values of a flag, each for one property only.
    func all(_ flag: String) -> [String] {
        values.isEmpty ? [] : values.removeValue(forKey: flag) ?? []
    }

    /// The value of a flag that counts: the last.
    func last(_ flag: String) -> String? { all(flag).last }

    /// The next argument.
    func argument() -> String? { arguments.popFirst() }

    /// The next argument, which is needed.
    /// - Throws: `NotFilled` when there is none.
    func neededArgument() throws -> String {
        guard let argument = arguments.popFirst() else { throw NotFilled() }
        return argument
    }

    /// What is left of the arguments.
    func remainingArguments() -> [String] {
        defer { arguments = [] }
        return Array(arguments)
    }
}

/// A property that is not of a kind that is filled here, or needs a value and got none.
struct NotFilled: Error {}
