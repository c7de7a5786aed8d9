import Errors
import Testing

@testable import Engine

@Suite struct ContainerPathTests {
    @Test(arguments: [
        ("/a/b", "/a/b", "b", false), ("a/b", "/a/b", "b", false), ("/a/b/", "/a/b", "b", true), ("/a/b/.", "/a/b", ".", true),
        ("/", "/", "/", true), (".", "/", "/", true), ("/a/../..", "/", "/", true), ("/a//./b", "/a/b", "b", false),
        ("/a/..b", "/a/..b", "..b", false), ("/a/b/..", "/a", "a", true),
    ])
    func paths(_ text: String, _ clean: String, _ name: String, _ isDirectory: Bool) throws {
        let path = try ContainerPath(text)
        #expect((path.clean, path.name, path.isDirectory) == (clean, name, isDirectory))
    }

    @Test func prefixes() throws {
        #expect(try ContainerPath("/").prefix == [])
        #expect(try ContainerPath("/a/.").prefix == [UInt8(ascii: ".")])
    }

    @Test(arguments: ["", "/a\0b", String(repeating: "x", count: 4001)])
    func refused(_ text: String) {
        #expect(throws: TimberError.self) { try ContainerPath(text) }
    }
}
