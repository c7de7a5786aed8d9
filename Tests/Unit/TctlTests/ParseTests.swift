import DockerAPI
import Testing

@testable import TctlCommands

@Suite struct ParseTests {
    @Test(arguments: [
        ("0", 0), ("100", 100), ("1k", 1024), ("1K", 1024), ("1kb", 1024), ("1KiB", 1024), ("512m", 512 << 20), ("1.5g", 3 << 29),
        ("2t", 2 << 40),
        ("10b", 10), ("1 MB", 1 << 20),
    ])
    func sizes(text: String, bytes: Int64) {
        #expect(Numbers.bytes(text) == bytes)
    }

    @Test(arguments: [
        "", "b", "ib", "1i", "1q", "-1", "1..5k", ".5k", "5.k", "abc", "1kk", "9223372036854775808", "9000000t", "9e9p", "1e3", "١",
    ])
    func badSizes(text: String) {
        #expect(Numbers.bytes(text) == nil)
    }

    @Test func cpus() throws {
        #expect(try Numbers.nanoCPUs("1.5") == 1_500_000_000)
        #expect(try Numbers.nanoCPUs(".5") == 500_000_000)
        #expect(try Numbers.nanoCPUs("2") == 2_000_000_000)
        #expect(try Numbers.nanoCPUs("0.000000001") == 1)
        for text in ["", ".", "-1", "1.0000000001", "abc", "1e3", "99999999999", "1.5.5"] {
            #expect(throws: CommandFailure.self) { try Numbers.nanoCPUs(text) }
        }
    }

    @Test func durations() {
        #expect(Numbers.duration("1h30m") == 5_400_000_000_000)
        #expect(Numbers.duration("1.5s") == 1_500_000_000)
        #expect(Numbers.duration("300ms") == 300_000_000)
        #expect(Numbers.duration("-5m") == -300_000_000_000)
        #expect(Numbers.duration("0") == 0)
        for text in ["", "-", "5", "5x", "h", ".s", "1h30", "99999999999h", "1..5s"] { #expect(Numbers.duration(text) == nil) }
    }

    private func mappings(_ text: String) throws -> [String] {
        try PortSpec.publish(text).map { "\($0.binding.hostIP)|\($0.binding.hostPort)|\($0.port)" }
    }

    @Test func ports() throws {
        #expect(try mappings("80") == ["||80/tcp"])
        #expect(try mappings("8080:80") == ["|8080|80/tcp"])
        #expect(try mappings("8080:80/UDP") == ["|8080|80/udp"])
        #expect(try mappings("127.0.0.1::80") == ["127.0.0.1||80/tcp"])
        #expect(try mappings("[::1]:8080:80") == ["::1|8080|80/tcp"])
        #expect(try mappings("::1:8080:80") == ["::1|8080|80/tcp"])
        #expect(try mappings("8000-8001:80-81") == ["|8000|80/tcp", "|8001|81/tcp"])
        #expect(try mappings("8000-8010:80") == ["|8000-8010|80/tcp"])
        #expect(try mappings("80-81") == ["||80/tcp", "||81/tcp"])
        #expect(try mappings("published=8080,target=53,protocol=udp") == ["|8080|53/udp"])
        #expect(try mappings("65535:65535") == ["|65535|65535/tcp"])
    }

    @Test(arguments: [
        "", ":", "x", "80:", "0", "8080:0", "80:x", "65536:80", "80:65536", "80/foo", "80/tcp/udp", "1.2.3:80:80", "host:80:80", "9-8:80",
        "1-2:3-5",
        "80-:80", "-80:80", "+80:80", "80:80-", "1:2:3:4:5", "target=80,foo=1", "[::1:80:80", "80:٨٠",
    ])
    func badPorts(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try PortSpec.publish(text) }
        #expect(failure?.status == 125)
    }

    @Test func widestRangeIsAllowed() throws {
        #expect(try PortSpec.publish("1-65535").count == 65535)
        #expect(try PortSpec.expose("3000-3002/udp") == ["3000/udp", "3001/udp", "3002/udp"])
        #expect(throws: CommandFailure.self) { try PortSpec.expose("80:80") }
    }

    private func volume(_ text: String) throws -> VolumeSpec { try VolumeSpec(parsing: text) { "/home/me" } }

    @Test func volumes() throws {
        #expect(try volume("/data") == .anonymous("/data"))
        #expect(try volume("name:/data") == .bind("name:/data"))
        #expect(try volume("/a:/b:ro,z") == .bind("/a:/b:ro,z"))
        #expect(try volume("./a:/b") == .bind("/home/me/a:/b"))
        #expect(try volume("../../../a/./b:/b") == .bind("/a/b:/b"))
        #expect(try volume(".:/b") == .bind("/home/me:/b"))
        for text in ["", ":", "data", "/a:b", ":/b", "/a:", "/a:/b:", "/a:/b:ro:x"] {
            #expect(throws: CommandFailure.self) { try volume(text) }
        }
    }

    private func mount(_ text: String) throws -> Mount { try MountSpec.parse(text) { "/home/me" } }

    @Test func mounts() throws {
        #expect(try mount("type=bind,src=./a,dst=/b,readonly") == Mount(type: "bind", source: "/home/me/a", target: "/b", readOnly: true))
        #expect(try mount("source=v,target=/b") == Mount(type: "volume", source: "v", target: "/b"))
        #expect(
            try mount("TYPE=TMPFS,target=/b,tmpfs-size=64m,tmpfs-mode=1770").tmpfsOptions == TmpfsOptions(sizeBytes: 64 << 20, mode: 0o1770)
        )
        #expect(try mount("type=bind,\"source=/a,\"\"b\",target=/c").source == "/a,\"b")
        #expect(
            try mount("source=v,target=/b,volume-label=a=b,volume-label=c,volume-opt=o=x").volumeOptions?.labels == ["a": "b", "c": ""])
    }

    @Test(arguments: [
        "", "foo", "type=bind,source=/a", "type=foo,target=/b", "type=bind,target=/b", "source=v,target=/b,foo=1",
        "source=v,target=/b,ro=maybe",
        "type=tmpfs,target=/b,volume-nocopy", "type=tmpfs,target=/b,tmpfs-mode=9", "type=tmpfs,target=/b,tmpfs-size=x", "\"target=/b",
        "\"target=/b\"x",
        "target=/b,a\"b", "type=bind,source=/a,target=/b,bind-recursive=foo", "type=bind,source=/a,target=/b,bind-recursive=writable",
    ])
    func badMounts(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try mount(text) }
        #expect(failure?.status == 125)
    }

    private func lines(_ text: String, bare: KeyValueFile.BareName = .kept) throws -> [String] {
        try KeyValueFile.parse(Array(text.utf8), path: "file", bare: bare)
    }

    @Test func environmentFiles() throws {
        #expect(try lines("\u{FEFF}A=1\r\n# no\n\n \tB= x \nC=a=b\nD=\"q\"\n") == ["A=1", "B= x ", "C=a=b", "D=\"q\""])
        #expect(try lines("A\nB\n", bare: .fromEnvironment { $0 == "A" ? "v" : nil }) == ["A=v"])
        #expect(try lines("a\nb=\n") == ["a", "b="])
        #expect(throws: CommandFailure.self) { try lines("=x") }
        #expect(throws: CommandFailure.self) { try lines("A B=x") }
        #expect(throws: CommandFailure.self) { try KeyValueFile.parse([0x41, 0x3D, 0xFF], path: "f", bare: .kept) }
        let failure = #expect(throws: CommandFailure.self) { try lines("A=1\n\nx y=1\n") }
        #expect(failure?.message.contains("line 3") ?? false)
    }

    @Test func environmentFlags() throws {
        #expect(try KeyValueFile.environment("A=1") { _ in "x" } == "A=1")
        #expect(try KeyValueFile.environment("A=") { _ in "x" } == "A=")
        #expect(try KeyValueFile.environment("A") { _ in "x" } == "A=x")
        #expect(try KeyValueFile.environment("A") { _ in nil } == "A")
        #expect(throws: CommandFailure.self) { try KeyValueFile.environment("=x") { _ in nil } }
    }

    @Test func limitsDevicesAndHosts() throws {
        #expect(try UlimitSpec.parse("nofile=1024:2048") == Ulimit(name: "nofile", hard: 2048, soft: 1024))
        #expect(try UlimitSpec.parse("core=-1") == Ulimit(name: "core", hard: -1, soft: -1))
        #expect(try UlimitSpec.parse("nproc=5:-1") == Ulimit(name: "nproc", hard: -1, soft: 5))
        for text in ["nofile", "foo=1", "nofile=2:1", "nofile=1:2:3", "nofile=x", "nofile=-2", "nofile=-1:5", "nofile="] {
            #expect(throws: CommandFailure.self) { try UlimitSpec.parse(text) }
        }
        #expect(try DeviceSpec.parse("/dev/a") == DeviceMapping(pathOnHost: "/dev/a", pathInContainer: "/dev/a", cgroupPermissions: "rwm"))
        #expect(
            try DeviceSpec.parse("/dev/a:rw") == DeviceMapping(pathOnHost: "/dev/a", pathInContainer: "/dev/a", cgroupPermissions: "rw"))
        #expect(
            try DeviceSpec.parse("/dev/a:/dev/b:r")
                == DeviceMapping(pathOnHost: "/dev/a", pathInContainer: "/dev/b", cgroupPermissions: "r"))
        for text in ["", ":", "/dev/a:x", "/dev/a:/b:q", "/dev/a:/b:rr", "a:b:c:d"] {
            #expect(throws: CommandFailure.self) { try DeviceSpec.parse(text) }
        }
        #expect(try HostEntry.parse("db:10.0.0.1") == "db:10.0.0.1")
        #expect(try HostEntry.parse("db=[::1]") == "db:::1")
        #expect(try HostEntry.parse("gw:host-gateway") == "gw:host-gateway")
        for text in ["", "db", ":1.2.3.4", "db:x", "db:"] { #expect(throws: CommandFailure.self) { try HostEntry.parse(text) } }
        #expect(Capabilities.normalised(["net_admin", "CAP_CHOWN", "cap_chown", "all"]) == ["ALL", "CAP_CHOWN", "CAP_NET_ADMIN"])
    }

    @Test func imageNames() throws {
        #expect(try Tag.split("a") == ("a", "latest"))
        #expect(try Tag.split("localhost:5000/a") == ("localhost:5000/a", "latest"))
        #expect(try Tag.split("localhost:5000/a:1") == ("localhost:5000/a", "1"))
        #expect(throws: CommandFailure.self) { try Tag.split("a@sha256:0") }
        #expect(ImageMissing.familiar("a") == "a:latest")
        #expect(ImageMissing.familiar("h:5000/a") == "h:5000/a:latest")
        #expect(ImageMissing.familiar("a:1") == "a:1")
    }

    @Test func filters() throws {
        #expect(try Filters.json([]) == nil)
        #expect(
            try Filters.json(["status=exited", "label=a=b", "Status = x"]) == #"{"label":{"a=b":true},"status":{"exited":true," x":true}}"#)
        #expect(throws: CommandFailure.self) { try Filters.json(["status"]) }
        #expect(throws: CommandFailure.self) { try Filters.json(["=x"]) }
    }

    @Test func failedStartsHaveDockersStatuses() {
        #expect(ContainerStart.failure(APIError(status: 400, message: "exec: \"x\": executable file not found in $PATH")).status == 127)
        #expect(ContainerStart.failure(APIError(status: 400, message: "exec: \"/x\": stat /x: no such file or directory")).status == 127)
        #expect(ContainerStart.failure(APIError(status: 400, message: "exec: \"/x\": permission denied")).status == 126)
        #expect(ContainerStart.failure(APIError(status: 400, message: "exec: \"/\": is a directory")).status == 126)
        #expect(ContainerStart.failure(APIError(status: 500, message: "port 80 is in use")).status == 125)
    }
}
