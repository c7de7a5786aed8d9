import CTimber

/// A file descriptor with one owner; -1 stands for none. Every descriptor is close-on-exec at birth.
struct Descriptor: ~Copyable {
    private(set) var raw: Int32

    init() {
        raw = -1
    }

    init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        if raw >= 0 { close(raw) }
    }

    var isOpen: Bool { raw >= 0 }

    /// Gives up ownership; the caller closes the number.
    mutating func release() -> Int32 {
        let number = raw
        raw = -1
        return number
    }
}
