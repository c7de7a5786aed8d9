/// Reads a wire type out of a parsed JSON document, without Foundation.
struct JSONDecoding: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private init(_ value: JSONValue, at path: [any CodingKey]) {
        self.value = value
        codingPath = path
    }

    /// Reads one value.
    /// - Throws: `CommandFailure` that names the member that does not fit.
    static func read<Value: Decodable>(_ type: Value.Type, from value: JSONValue) throws -> Value {
        do {
            return try JSONDecoding(value, at: []).decode(type)
        } catch let error as DecodingError {
            throw CommandFailure("the daemon's answer is not as the API says: \(describe(error))")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: String].self, "an object was expected") }
        let byName = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        return KeyedDecodingContainer(Keyed<Key>(members: byName, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([String].self, "an array was expected") }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoding: self) }

    fileprivate func mismatch(_ type: Any.Type, _ reason: String) -> DecodingError {
        .typeMismatch(type, DecodingError.Context(codingPath: codingPath, debugDescription: reason))
    }

    fileprivate func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: self) }

    fileprivate func bool() throws -> Bool {
        guard let truth = value.truth else { throw mismatch(Bool.self, "true or false was expected") }
        return truth
    }

    fileprivate func string() throws -> String {
        guard let text = value.text else { throw mismatch(String.self, "a string was expected") }
        return text
    }

    fileprivate func whole<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        guard case .number(let text) = value, let number = Number(text) ?? Double(text).flatMap({ Number(exactly: $0) }) else {
            throw mismatch(type, "a whole number that fits was expected")
        }
        return number
    }

    fileprivate func real() throws -> Double {
        guard case .number(let text) = value, let number = Double(text) else { throw mismatch(Double.self, "a number was expected") }
        return number
    }

    private struct Index: CodingKey {
        let position: Int
        var stringValue: String { "\(position)" }
        var intValue: Int? { position }
        init(_ position: Int) { self.position = position }
        init?(stringValue: String) { nil }
        init?(intValue: Int) { self.init(intValue) }
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [String: JSONValue]
        let codingPath: [any CodingKey]
        var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

        private func at(_ key: any CodingKey) throws -> JSONDecoding {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key, DecodingError.Context(codingPath: codingPath, debugDescription: "\(key.stringValue) is missing"))
            }
            return JSONDecoding(value, at: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try at(key).value == .null }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try at(key).bool() }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try at(key).string() }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try at(key).real() }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try at(key).real()) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try at(key).whole(type) }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try at(key).whole(type) }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try at(key).whole(type) }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try at(key).whole(type) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try at(key).whole(type) }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try at(key).whole(type) }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try at(key).whole(type) }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try at(key).whole(type) }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try at(key).whole(type) }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try at(key).whole(type) }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try at(key).decode(type) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
            try at(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try at(key).unkeyedContainer() }
        func superDecoder() throws -> any Decoder { JSONDecoding(.object(members.map(JSONMember.init)), at: codingPath) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try at(key) }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        init(elements: [JSONValue], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        private mutating func take<Value>(_ body: (JSONDecoding) throws -> Value) throws -> Value {
            guard currentIndex < elements.count else {
                throw DecodingError.valueNotFound(
                    Value.self, DecodingError.Context(codingPath: codingPath, debugDescription: "the array is too short"))
            }
            let value = try body(JSONDecoding(elements[currentIndex], at: codingPath + [Index(currentIndex)]))
            currentIndex += 1
            return value
        }

        mutating func decodeNil() throws -> Bool {
            guard currentIndex < elements.count, elements[currentIndex] == .null else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode(_ type: Bool.Type) throws -> Bool { try take { try $0.bool() } }
        mutating func decode(_ type: String.Type) throws -> String { try take { try $0.string() } }
        mutating func decode(_ type: Double.Type) throws -> Double { try take { try $0.real() } }
        mutating func decode(_ type: Float.Type) throws -> Float { try take { Float(try $0.real()) } }
        mutating func decode(_ type: Int.Type) throws -> Int { try take { try $0.whole(type) } }
        mutating func decode(_ type: Int8.Type) throws -> Int8 { try take { try $0.whole(type) } }
        mutating func decode(_ type: Int16.Type) throws -> Int16 { try take { try $0.whole(type) } }
        mutating func decode(_ type: Int32.Type) throws -> Int32 { try take { try $0.whole(type) } }
        mutating func decode(_ type: Int64.Type) throws -> Int64 { try take { try $0.whole(type) } }
        mutating func decode(_ type: UInt.Type) throws -> UInt { try take { try $0.whole(type) } }
        mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try take { try $0.whole(type) } }
        mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try take { try $0.whole(type) } }
        mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try take { try $0.whole(type) } }
        mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try take { try $0.whole(type) } }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try take { try $0.decode(type) } }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
            try take { try $0.container(keyedBy: type) }
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try take { try $0.unkeyedContainer() } }
        mutating func superDecoder() throws -> any Decoder { try take { $0 } }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoding: JSONDecoding
        var codingPath: [any CodingKey] { decoding.codingPath }

        init(decoding: JSONDecoding) {
            self.decoding = decoding
        }

        func decodeNil() -> Bool { decoding.value == .null }
        func decode(_ type: Bool.Type) throws -> Bool { try decoding.bool() }
        func decode(_ type: String.Type) throws -> String { try decoding.string() }
        func decode(_ type: Double.Type) throws -> Double { try decoding.real() }
        func decode(_ type: Float.Type) throws -> Float { Float(try decoding.real()) }
        func decode(_ type: Int.Type) throws -> Int { try decoding.whole(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoding.whole(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoding.whole(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoding.whole(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoding.whole(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try decoding.whole(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoding.whole(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoding.whole(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoding.whole(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoding.whole(type) }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoding.decode(type) }
    }
}
