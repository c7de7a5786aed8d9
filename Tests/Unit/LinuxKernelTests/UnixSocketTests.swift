import Glibc
import LinuxKernel
import Testing

@Suite struct UnixSocketTests {
    /// Directories of containers are long: 64 characters of id alone.
    @Test(arguments: [1, 80, 200])
    func aSocketWorksHoweverDeepItsDirectoryIs(length: Int) throws {
        let scratch = "/tmp/timber-socket-\(getpid())-\(length)"
        let directory = "\(scratch)/\(String(repeating: "d", count: length))"
        try Files.makeDirectory(scratch)
        defer { #expect(throws: Never.self) { try Tree.remove(scratch) } }
        try Files.makeDirectory(directory)
        let path = "\(directory)/shim.sock"

        let listener = try UnixSocket.listen(path: path, mode: 0o600)
        let client = try UnixSocket.connect(path: path)
        try UnixSocket.send([42], to: client.raw)
        let accepted = accept(listener.raw, nil, nil)
        try #require(accepted >= 0)
        #expect(try SharedDescriptor(Descriptor(owning: accepted)).readSome() == [42])
        #expect(try Tree.names(directory) == ["shim.sock"])
    }

    @Test func aNameThatIsTooLongIsRefused() throws {
        let path = "/tmp/" + String(repeating: "n", count: 120)
        #expect { _ = try UnixSocket.connect(path: path) } throws: { ($0 as? SystemError)?.errno == ENAMETOOLONG }
    }
}
