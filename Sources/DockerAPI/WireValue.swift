/// Anything that stands in a JSON text of the API.
public protocol WireValue: Codable, Sendable, Equatable {
    /// Appends the value's JSON.
    func write(to writer: inout JSONWriter)
    /// Whether Go's `omitempty` leaves it out: nil, false, 0, an empty string, list or map.
    var isZero: Bool { get }
}

extension WireValue {
    /// The value as JSON text.
    /// - Parameters:
    ///   - capacity: how many bytes to make room for.
    ///   - suffix: what to put behind the text, mostly the end of a line.
    public func json(capacity: Int = 256, suffix: StaticString = "") -> [UInt8] {
        var writer = JSONWriter(capacity: capacity)
        write(to: &writer)
        writer.raw(suffix)
        return writer.bytes
    }
}

extension String: WireValue {
    /// Appends the value's JSON.
    public func write(to writer: inout JSONWriter) { writer.string(self) }
    /// Whether it is empty.
    public var isZero: Bool { isEmpty }
}

extension Bool: WireValue {
    /// Appends the value's JSON.
    public func write(to writer: inout JSONWriter) { writer.bool(self) }
    /// Whether it is false.
    public var isZero: Bool { !self }
}

extension FixedWidthInteger where Self: WireValue {
    /// Appends the value's JSON.
    public func write(to writer: inout JSONWriter) { writer.integer(self) }
    /// Whether it is 0.
    public var isZero: Bool { self == 0 }
}

extension Int: WireValue {}
extension Int64: WireValue {}
extension UInt16: WireValue {}
extension UInt32: WireValue {}
extension UInt64: WireValue {}

extension Optional: WireValue where Wrapped: WireValue {
    /// Appends the value's JSON, null for nil.
    public func write(to writer: inout JSONWriter) {
        if let self { self.write(to: &writer) } else { writer.null() }
    }

    /// Whether it is nil.
    public var isZero: Bool { self == nil }
}

extension Array: WireValue where Element: WireValue {
    /// Appends the value's JSON.
    public func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(to: &writer) }
        writer.endArray()
    }

    /// Whether it is empty.
    public var isZero: Bool { isEmpty }
}

extension Dictionary: WireValue where Key == String, Value: WireValue {
    /// Appends the value's JSON, keys in order.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, value) in sorted(by: { $0.key < $1.key }) {
            writer.key(key)
            value.write(to: &writer)
        }
        writer.endObject()
    }

    /// Whether it is empty.
    public var isZero: Bool { isEmpty }
}
