import CTimber

/// timber-shim ID, with the listening socket on descriptor 3: see timber_shim.h. The id is there for `ps` only.
@_cdecl("timber_shim_main")
func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    guard count == 2 else { return complain("timber-shim is started by timberd, with a container's id and a listening socket\n", 2) }
    guard Setup.prepare(arguments) >= 0 else { return complain("timber-shim: cannot set itself up\n", 1) }
    guard let shim = Shim(listener: TIMBER_SHIM_LISTEN_FD, originalOOMScore: Setup.lowerOOMScore()) else {
        return complain("timber-shim: descriptor 3 is not a listening socket\n", 1)
    }
    shim.run()
    return 0
}

private func complain(_ text: StaticString, _ status: Int32) -> Int32 {
    _ = writeAll(2, UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    return status
}
