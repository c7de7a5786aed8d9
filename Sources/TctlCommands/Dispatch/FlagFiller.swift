internal import ArgumentParser

/// Fills a command's properties from what the flag reader read.
///
/// ArgumentParser would look at every property of a command by reflection, which for `run` takes longer than all the rest of tctl. It
/// stays in charge of help, completion and every command line that is not understood here.
enum FlagFiller {
    /// - Returns: nil when something was given that no property takes, or not given that one needs: ArgumentParser has words for it.
    static func fill(_ command: any TctlCommand.Type, from reader: FlagReader) -> (any TctlCommand)? {
        let given = GivenFlags(reader)
        do {
            let filled = try command.init(given: given)
            return given.isUsedUp ? filled : nil
        } catch {
            return nil
        }
    }
}

extension TctlCommand {
    init(given: GivenFlags) throws {
        try self.init(from: FlagDecoder(given: given))
    }
}

/// Wrappers that have a value; ArgumentParser has no initializer for that.
private enum Filled {
    private static let toggle = Flag(wrappedValue: false)
    private static let optional = Option<String?>()
    private static let single = Option<String>()
    private static let list = Option<[String]>(wrappedValue: [])
    private static let argument = Argument<String>()
    private static let optionalArgument = Argument<String?>()
    private static let argumentList = Argument<[String]>(wrappedValue: [])

    /// The flag that ArgumentParser makes of a property's name: `memory-swap` of `memorySwap`.
    private static func flag(of property: some CodingKey) -> String {
        var name = ""
        for character in property.stringValue {
            if character.isUppercase { name += "-" + character.lowercased() } else { name.append(character) }
        }
        return name
    }

    /// The wrapper of one property; nil for a type that is none of these.
    static func wrapper(_ type: Any.Type, of property: some CodingKey, from given: GivenFlags) throws -> Any? {
        if type == Option<String?>.self {
            var wrapper = optional
            wrapper.wrappedValue = given.last(flag(of: property))
            return wrapper
        }
        if type == Option<[String]>.self {
            var wrapper = list
            wrapper.wrappedValue = given.all(flag(of: property))
            return wrapper
        }
        if type == Flag<Bool>.self {
            var wrapper = toggle
            wrapper.wrappedValue = try given.state(flag(of: property))
            return wrapper
        }
        if type == Option<String>.self {
            var wrapper = single
            wrapper.wrappedValue = try needed(given.last(flag(of: property)))
            return wrapper
        }
        if type == Argument<String>.self {
            var wrapper = argument
            wrapper.wrappedValue = try needed(given.argument())
            return wrapper
        }
        if type == Argument<String?>.self {
            var wrapper = optionalArgument
            wrapper.wrappedValue = given.argument()
            return wrapper
        }
        if type == Argument<[String]>.self {
            var wrapper = argumentList
            wrapper.wrappedValue = given.remainingArguments()
            return wrapper
        }
        return nil
    }

    private static func needed(_ value: String?) throws -> String {
        guard let value else { throw NotFilled() }
        return value
    }
}

private struct FlagDecoder: Decoder {
    let given: GivenFlags

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FlagContainer<Key>(given: given))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotFilled() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotFilled() }
}

private struct FlagContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let given: GivenFlags

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { false }

    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        // A group of properties decodes itself, and asks for each of them.
        guard let wrapper = try Filled.wrapper(type, of: key, from: given) else { return try Value(from: FlagDecoder(given: given)) }
        guard let value = wrapper as? Value else { throw NotFilled() }
        return value
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        throw NotFilled()
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw NotFilled() }

    func superDecoder() throws -> any Decoder { throw NotFilled() }

    func superDecoder(forKey key: Key) throws -> any Decoder { throw NotFilled() }
}
