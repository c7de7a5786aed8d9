/// Writes JSON into memory, fast enough for a list of a thousand containers: no tree, no Foundation, one growing buffer.
public struct JSONWriter: ~Copyable {
    private var start: UnsafeMutableRawPointer?
    private var count = 0
    private var capacity = 0
    private var needsComma = false

    init(capacity: Int = 0) {
        if capacity > 0 { grow(capacity) }
    }

    deinit {
        start?.deallocate()
    }

    /// The text.
    var bytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Text that is no JSON, as a line's end.
    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { put(UnsafeRawBufferPointer($0)) }
    }

    // MARK: Structure

    mutating func beginObject() {
        separate()
        put(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func endObject() {
        put(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func beginArray() {
        separate()
        put(UInt8(ascii: "["))
        needsComma = false
    }

    mutating func endArray() {
        put(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A key that needs no escaping.
    mutating func key(_ name: StaticString) {
        separate()
        put(UInt8(ascii: "\""))
        name.withUTF8Buffer { put(UnsafeRawBufferPointer($0)) }
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Any key.
    mutating func key(_ name: String) {
        string(name)
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    mutating func null() {
        literal("null")
    }

    mutating func bool(_ value: Bool) {
        literal(value ? "true" : "false")
    }

    mutating func integer(_ value: some FixedWidthInteger) {
        separate()
        needsComma = true
        // Up to 20 digits and a sign.
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var magnitude = UInt64(value.magnitude)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var first = buffer.count
            repeat {
                first -= 1
                buffer[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            } while magnitude > 0
            if value < 0 {
                first -= 1
                buffer[first] = UInt8(ascii: "-")
            }
            put(UnsafeRawBufferPointer(rebasing: buffer[first...]))
        }
    }

    mutating func string(_ value: String) {
        separate()
        needsComma = true
        var value = value
        put(UInt8(ascii: "\""))
        value.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
        put(UInt8(ascii: "\""))
    }

    private mutating func literal(_ text: StaticString) {
        separate()
        needsComma = true
        text.withUTF8Buffer { put(UnsafeRawBufferPointer($0)) }
    }

    private mutating func separate() {
        if needsComma { put(UInt8(ascii: ",")) }
    }

    // MARK: Text

    /// Whether none of eight bytes must be escaped; the usual trick for finding a byte below a bound in a word.
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let control = (word &- (ones &* 0x20)) & ~word
        return (control | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)) & (ones &* 0x80) == 0
    }

    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        var written = 0
        var index = 0
        while index < text.count {
            if index + 8 <= text.count, Self.isPlain(text.loadUnaligned(fromByteOffset: index, as: UInt64.self)) {
                index += 8
                continue
            }
            // At most the next eight bytes, one by one.
            let end = min(index + 8, text.count)
            while index < end {
                let byte = text[index]
                if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    put(UnsafeRawBufferPointer(rebasing: text[written..<index]))
                    escape(byte)
                    written = index + 1
                }
                index += 1
            }
        }
        put(UnsafeRawBufferPointer(rebasing: text[written...]))
    }

    private mutating func escape(_ byte: UInt8) {
        put(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0..<0x20:
            put(UInt8(ascii: "u"))
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0") + (byte >> 4))
            let low = byte & 15
            put(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        default: put(byte)
        }
    }

    // MARK: Memory

    private mutating func put(_ byte: UInt8) {
        if count == capacity { grow(1) }
        start?.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        if capacity - count < bytes.count { grow(bytes.count) }
        start?.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    private mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more, 64)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        if let start {
            moved.copyMemory(from: start, byteCount: count)
            start.deallocate()
        }
        start = moved
        capacity = larger
    }
}
