internal import CTimber
internal import Glibc

/// What this process keeps of the machine's memory while it does nothing.
public enum ProcessMemory {
    /// Sets the allocator up for a process with many threads that mostly sleep; before the first of them.
    ///
    /// glibc gives up to eight arenas to each processor, and each keeps what its busiest moment took. Two are enough for two dozen
    /// threads that spend their time in system calls. The largest blocks are mappings of their own, which end when they are freed;
    /// what a list of a thousand containers needs is kept until `giveBack`, because fresh memory costs a page fault for each page.
    public static func configure() {
        _ = timber_malloc_arenas(2)
        _ = timber_malloc_mmap_threshold(2 << 20)
        _ = timber_malloc_trim_threshold(4 << 20)
    }

    /// Gives back what nothing uses: free memory of the allocator, and this program's code, most of which was needed to start. What of
    /// it is needed again comes back from the page cache, sixteen pages at a time.
    /// - Throws: `SystemError`.
    public static func giveBack() throws {
        _ = timber_malloc_trim()
        var program = stat()
        try retrying("stat", "/proc/self/exe") { stat("/proc/self/exe", &program) }
        for mapping in try mappings() where mapping.isCode && mapping.inode == program.st_ino {
            guard let start = UnsafeMutableRawPointer(bitPattern: mapping.start) else { continue }
            // Only code: it is never written to. The other parts have relocations in them, which are in no file.
            try retrying("madvise", "MADV_DONTNEED") { madvise(start, Int(mapping.end - mapping.start), MADV_DONTNEED) }
        }
    }

    private struct Mapping {
        var start: UInt
        var end: UInt
        var isCode: Bool
        var inode: UInt
    }

    private static func mappings() throws -> [Mapping] {
        let text = String(decoding: try Files.read("/proc/self/maps", limit: 16 << 20), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            // start-end permissions offset device inode path
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count >= 5 else { return nil }
            let ends = fields[0].split(separator: "-")
            guard ends.count == 2, let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16), let inode = UInt(fields[4])
            else { return nil }
            return Mapping(start: start, end: end, isCode: fields[1] == "r-xp", inode: inode)
        }
    }
}
