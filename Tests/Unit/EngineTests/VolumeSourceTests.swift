import Errors
import Testing

@testable import Engine

@Suite struct VolumeSourceTests {
    private func fileSystem(_ options: [String: String]) throws -> VolumeFileSystem? {
        guard case .fileSystem(let fileSystem) = try VolumeSource(options) else { return nil }
        return fileSystem
    }

    @Test func noOptionsAreADirectoryOfOurs() throws {
        #expect(try VolumeSource([:]) == nil)
    }

    @Test func wordsAreSortedIntoFlagsAndData() throws {
        let tmpfs = try #require(try fileSystem(["type": "tmpfs", "device": "tmpfs", "o": "size=1m,,nosuid,ro,mode=700,noatime"]))
        #expect(tmpfs.type == "tmpfs" && tmpfs.flags == 1 | 2 | 1 << 10 && tmpfs.data == ["size=1m", "mode=700"])
        let nfs = try #require(try fileSystem(["type": "nfs", "device": ":/srv/a", "o": "addr=10.0.0.1,rw,vers=4,nolock"]))
        #expect(nfs.device == ":/srv/a" && nfs.flags == 0 && nfs.data == ["addr=10.0.0.1", "vers=4", "nolock"])
    }

    @Test func bindsAreDirectories() throws {
        #expect(
            try VolumeSource(["type": "none", "o": "bind,ro,nodev", "device": "/srv//a/"])
                == .directory("/srv/a", attributes: ["ro", "nodev"], recursive: false))
        #expect(
            try VolumeSource(["type": "bind", "o": "rbind", "device": "/srv"]) == .directory("/srv", attributes: [], recursive: true))
    }

    @Test(
        arguments: [
            ["type": "tmpfs"], ["device": "/x"], ["o": "bind"], ["type": "", "device": "x"], ["size": "1m"], ["nosuch": "x"],
            ["type": "none", "device": "/x", "o": "bind,size=1m"], ["type": "none", "device": "x", "o": "bind"],
            ["type": "ext4", "device": "/x", "o": "bind"], ["type": "none", "device": "/x"],
            ["type": "tmpfs", "device": "tmpfs", "o": "remount"], ["type": "none", "device": "/x", "o": "bind,rshared"],
            ["type": "none", "device": "/x", "o": "bind,shared"], ["type": "tmpfs", "device": "tmpfs", "o": "x-mount.mkdir=0777"],
            ["type": "tmpfs", "device": "tmpfs", "o": "X-mount.subdir=a"], ["type": "ext4", "device": "/x", "o": "loop=/dev/loop0"],
            ["type": "nfs", "device": ":/", "o": "helper=x"], ["type": "tmpfs", "device": "tmpfs", "o": "move"],
            ["type": "proc", "device": "proc"], ["type": "sysfs", "device": "x"], ["type": "cgroup2", "device": "x"],
            ["type": "overlay", "device": "x"], ["type": "../x", "device": "x"], ["type": "tmpfs", "device": "a\0b"],
            ["type": "tmpfs", "device": "tmpfs", "o": String(repeating: "x", count: 5_000)],
        ] as [[String: String]])
    func refused(_ options: [String: String]) {
        #expect(throws: TimberError.self) { try VolumeSource(options) }
    }

    @Test func addressesStayAndNamesAreLookedUp() throws {
        #expect(try HostAddress.resolve("10.1.2.3") == "10.1.2.3")
        #expect(["127.0.0.1", "::1"].contains(try HostAddress.resolve("localhost")))
        #expect(throws: TimberError.self) { try HostAddress.resolve("no such host") }
    }
}
