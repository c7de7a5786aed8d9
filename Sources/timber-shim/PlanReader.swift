import CTimber

/// The bytes of a plan or an exec request. Every span is checked against the buffer before it is used; a bad one is a Failure of
/// stage PLAN wherever it is met.
struct PlanBuffer {
    let base: UnsafeRawPointer
    let size: Int
    /// The descriptors that came with the message, which the shim owns.
    let descriptors: UnsafeBufferPointer<Int32>

    private static var broken: Failure { Failure(TIMBER_STAGE_PLAN, EINVAL) }

    /// The structure at the buffer's start.
    func header<Header: BitwiseCopyable>(as type: Header.Type) throws(Failure) -> Header {
        guard size >= MemoryLayout<Header>.size else { throw Self.broken }
        return base.loadUnaligned(as: Header.self)
    }

    /// A NUL-terminated string without a NUL inside.
    func string(_ span: timber_span) throws(Failure) -> UnsafePointer<CChar> {
        let offset = Int(span.offset)
        let count = Int(span.count)
        guard offset <= size, count < size - offset else { throw Self.broken }
        let characters = (base + offset).assumingMemoryBound(to: CChar.self)
        guard strnlen(characters, count + 1) == count else { throw Self.broken }
        return characters
    }

    /// A string, or nil where the plan has none.
    func optionalString(_ span: timber_span) throws(Failure) -> UnsafePointer<CChar>? {
        if span.count == 0 { return nil }
        return try string(span)
    }

    /// An array, aligned to 8 bytes.
    func array<Element: BitwiseCopyable>(_ span: timber_span, of type: Element.Type) throws(Failure) -> UnsafeBufferPointer<Element> {
        if span.count == 0 { return UnsafeBufferPointer(start: nil, count: 0) }
        let offset = Int(span.offset)
        guard offset % 8 == 0, offset <= size, Int(span.count) <= (size - offset) / MemoryLayout<Element>.stride else { throw Self.broken }
        return UnsafeBufferPointer(start: (base + offset).assumingMemoryBound(to: Element.self), count: Int(span.count))
    }

    /// The descriptor that an index stands for, or nil for TIMBER_NO_FD.
    func descriptor(_ index: Int32) throws(Failure) -> Int32? {
        if index == TIMBER_NO_FD { return nil }
        guard index >= 0, Int(index) < descriptors.count else { throw Self.broken }
        return descriptors[Int(index)]
    }

    /// Checks what both kinds of request start with.
    func checkHeader(_ magic: UInt32, _ version: UInt32, _ announced: UInt32) throws(Failure) {
        guard magic == TIMBER_PLAN_MAGIC, version == TIMBER_PLAN_VERSION, Int(announced) == size else { throw Self.broken }
    }
}

/// A NULL-terminated array of strings, as execve(2) takes it; made before clone, since the child allocates nothing.
struct StringVector: ~Copyable {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ buffer: PlanBuffer, _ span: timber_span) throws(Failure) {
        let spans = try buffer.array(span, of: timber_span.self)
        var strings: [UnsafeMutablePointer<CChar>?] = []
        strings.reserveCapacity(spans.count + 1)
        for span in spans { strings.append(UnsafeMutablePointer(mutating: try buffer.string(span))) }
        pointers = .allocate(capacity: spans.count + 1)
        for index in 0..<strings.count { pointers[index] = strings[index] }
        pointers[strings.count] = nil
    }

    deinit {
        pointers.deallocate()
    }
}
