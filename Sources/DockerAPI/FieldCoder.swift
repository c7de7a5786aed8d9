/// A JSON object of the API: its fields are listed once, and that list reads it, writes it and codes it.
///
/// Reading follows Go's encoding/json, which Docker uses: what is missing or null keeps its zero value, unknown keys are ignored.
protocol WireObject: WireValue {
    /// Everything at its zero value.
    init()
    /// Visits every field in the order in which it is written.
    mutating func fields(_ coder: inout FieldCoder) throws
}

extension WireObject {
    /// Reads the object's fields.
    public init(from decoder: any Decoder) throws {
        self.init()
        // Null as a map's value or a list's element, where `field` does not see it.
        if try decoder.singleValueContainer().decodeNil() { return }
        var coder = FieldCoder(.reading(Boxed(try decoder.container(keyedBy: FieldName.self))))
        try fields(&coder)
    }

    /// Writes the object's fields.
    public func encode(to encoder: any Encoder) throws {
        var copy = self
        var coder = FieldCoder(.encoding(Boxed(encoder.container(keyedBy: FieldName.self))))
        try copy.fields(&coder)
    }

    /// Appends the object's JSON.
    public func write(to writer: inout JSONWriter) {
        var copy = self
        writer.beginObject()
        var coder = FieldCoder(.writing)
        swap(&coder.writer, &writer)
        // Only reading and foreign encoders throw; writing into memory does not fail.
        _ = Result { try copy.fields(&coder) }
        swap(&coder.writer, &writer)
        writer.endObject()
    }

    /// An object is never left out for being empty.
    public var isZero: Bool { false }
}

/// A key of a JSON object.
struct FieldName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: StaticString) {
        stringValue = name.description
    }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}

final class Boxed<Value> {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }
}

/// Visits the fields of one object: reads them, gives them to an encoder, or writes them as JSON.
struct FieldCoder: ~Copyable {
    /// The containers are boxed: their size is unknown to the compiler, which would slow down every field that is written.
    enum Mode {
        case reading(Boxed<KeyedDecodingContainer<FieldName>>)
        case encoding(Boxed<KeyedEncodingContainer<FieldName>>)
        case writing
    }

    /// What stands for an empty string, list or map, a zero and a false.
    enum Empty {
        /// The value itself.
        case itself
        /// Nothing: Go's `omitempty`.
        case omitted
        /// null: a nil slice of Go's.
        case null
    }

    private var mode: Mode
    var writer = JSONWriter()

    init(_ mode: Mode) {
        self.mode = mode
    }

    /// One field.
    /// - Parameters:
    ///   - name: its key.
    ///   - value: where it is kept.
    ///   - empty: what stands for a zero value.
    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value, empty: Empty = .itself) throws {
        switch mode {
        case .reading(let container):
            if let read = try container.value.decodeIfPresent(Value.self, forKey: FieldName(name)) { value = read }
        case .encoding(let container):
            if empty == .itself || !value.isZero {
                try container.value.encode(value, forKey: FieldName(name))
            } else if empty == .null {
                try container.value.encodeNil(forKey: FieldName(name))
            }
        case .writing:
            if empty == .itself || !value.isZero {
                writer.key(name)
                value.write(to: &writer)
            } else if empty == .null {
                writer.key(name)
                writer.null()
            }
        }
    }

    /// A map that is null when it is empty.
    mutating func nullMap<Value: WireValue>(_ name: StaticString, _ value: inout [String: Value]) throws {
        try field(name, &value, empty: .null)
    }

    /// A command line: a list, or one string that stands for a list of one (Docker's strslice).
    mutating func words(_ name: StaticString, _ value: inout [String]?) throws {
        try words(name, &value, empty: .itself)
    }

    /// A command line that is left out when there is none.
    mutating func wordsOrOmitted(_ name: StaticString, _ value: inout [String]?) throws {
        try words(name, &value, empty: .omitted)
    }

    private mutating func words(_ name: StaticString, _ value: inout [String]?, empty: Empty) throws {
        var list = value.map(Words.init)
        try field(name, &list, empty: empty)
        value = list?.values
    }

    /// A set, on the wire a map of empty objects, left out when empty.
    mutating func set(_ name: StaticString, _ value: inout Set<String>) throws {
        try set(name, &value, empty: .omitted)
    }

    /// A set that is null when it is empty.
    mutating func setOrNull(_ name: StaticString, _ value: inout Set<String>) throws {
        try set(name, &value, empty: .null)
    }

    private mutating func set(_ name: StaticString, _ value: inout Set<String>, empty: Empty) throws {
        var map = [String: Nothing](uniqueKeysWithValues: value.map { ($0, Nothing()) })
        try field(name, &map, empty: empty)
        value = Set(map.keys)
    }

    /// Ports: a map of lists, where null stands for an empty list.
    mutating func ports(_ name: StaticString, _ value: inout PortMap) throws {
        var map = value.mapValues(Bindings.init)
        try field(name, &map)
        value = map.mapValues(\.values)
    }
}

/// Published ports by container port (`80/tcp`); an empty list is a port that is only exposed.
public typealias PortMap = [String: [PortBinding]]

/// A list of words that may come as one string.
private struct Words: WireValue {
    var values: [String]

    init(_ values: [String]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(String.self) {
            values = [one]
        } else {
            values = try container.decode([String].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        try values.encode(to: encoder)
    }

    func write(to writer: inout JSONWriter) {
        values.write(to: &writer)
    }

    var isZero: Bool { values.isEmpty }
}

/// A list of port bindings, null when it is empty.
private struct Bindings: WireValue {
    var values: [PortBinding]

    init(_ values: [PortBinding]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        values = container.decodeNil() ? [] : try container.decode([PortBinding].self)
    }

    func encode(to encoder: any Encoder) throws {
        if values.isEmpty {
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        } else {
            try values.encode(to: encoder)
        }
    }

    func write(to writer: inout JSONWriter) {
        if values.isEmpty { writer.null() } else { values.write(to: &writer) }
    }

    var isZero: Bool { values.isEmpty }
}

/// `{}`.
private struct Nothing: WireObject {
    mutating func fields(_ coder: inout FieldCoder) throws {}
}
