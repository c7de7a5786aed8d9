import CTimber
import Foundation
import Testing

/// What a container's first process sees, and how its end is told.
@Suite struct RunTests {
    @Test func tellsExitCodesAndSeparatesStreams() throws {
        let outcome = try run("echo hi; echo oops >&2; exit 7")
        #expect(outcome.event.exitCode == 7, "\(outcome.event.testDescription)")
        #expect(outcome.output == "hi\n")
        #expect(outcome.error == "oops\n")
    }

    @Test(arguments: [0, 1, 42, 126, 127, 255]) func tellsExitCode(_ code: Int) throws {
        #expect(try run("exit \(code)").event.exitCode == code)
    }

    @Test(arguments: [SIGTERM, SIGKILL, SIGINT, SIGUSR1]) func signalsReachTheProcess(_ signal: Int32) throws {
        let place = try Place()
        let shim = try Shim(place)
        let stream = try shim.attach()
        // PID 1 gets only the signals that it has a handler for, and SIGKILL.
        try shim.launch(
            ContainerSpec(sh: "trap 'exit 40' \(signal == SIGKILL ? SIGTERM : signal); echo ready; while :; do sleep 0.01; done"))
        _ = try stream.read(100)
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(signal))
        let event = try shim.expect(TIMBER_EVENT_EXITED)
        if signal == SIGKILL { #expect(event.signal == 9) } else { #expect(event.exitCode == 40) }
        #expect(try shim.waitForEnd() == 0)
    }

    @Test func givesInputAndItsEnd() throws {
        let outcome = try run(ContainerSpec(sh: "cat; echo end"), in: Place(), input: "one\ntwo\n")
        #expect(outcome.output == "one\ntwo\nend\n")
    }

    @Test func inputIsNullWithoutTheFlag() throws {
        let outcome = try run("readlink /proc/self/fd/0; cat; echo end")
        #expect(outcome.output == "/dev/null\nend\n")
    }

    @Test func carriesMuchInputAndOutput() throws {
        let size = 3_000_000
        let input = String(repeating: "0123456789abcdef", count: size / 16)
        let place = try Place()
        let shim = try Shim(place)
        let stream = try shim.attach()
        var spec = ContainerSpec(sh: "cat")
        spec.process.flags = TIMBER_PROCESS_STDIN | TIMBER_PROCESS_STDIN_ONCE
        try shim.launch(spec)
        let bytes = Array(input.utf8)
        let writer = Thread {
            do {
                try stream.write(bytes)
                stream.endOutput()
            } catch { Issue.record(error) }
        }
        writer.start()
        let output = demultiplex(try stream.readAll()).output
        #expect(output == input)
        #expect(try shim.waitForEnd() == 0)
    }

    @Test func seesOnlyStandardDescriptors() throws {
        // The fourth is the directory being listed.
        #expect(try run(ContainerSpec(ProcessSpec(["/bin/ls", "-1", "/proc/self/fd"])), in: Place()).output == "0\n1\n2\n3\n")
    }

    @Test func heldDescriptorsDoNotReachTheContainer() throws {
        let held = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(held) }
        var spec = ContainerSpec(sh: "ls -l /proc/1/fd")
        spec.held = [held]
        let outcome = try run(spec, in: Place())
        #expect(!outcome.output.contains("socket"))
        #expect(outcome.output.split(separator: "\n").filter { $0.contains("->") }.count == 3)
    }

    @Test func livesInItsOwnNamespaces() throws {
        let names = ["pid", "mnt", "net", "ipc", "uts", "cgroup"]
        let outcome = try run("for n in \(names.joined(separator: " ")); do readlink /proc/self/ns/$n; done; echo $$; hostname")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 8, "\(outcome.error)")
        for (name, line) in zip(names, lines) {
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/\(name)") != line)
        }
        #expect(lines[6] == "1")
        #expect(lines[7] == "probe")
    }

    @Test func bringsLoopbackUpInANewNetworkNamespace() throws {
        #expect(try run("ifconfig lo | grep -c 'UP LOOPBACK'; cat /proc/sys/net/ipv4/ip_unprivileged_port_start").output == "1\n0\n")
    }

    @Test func entersANetworkNamespaceMadeAhead() throws {
        let first = try Shim(Place())
        try first.launch(ContainerSpec(sh: "exec sleep 1000"))
        let pid = try first.expect(TIMBER_EVENT_STARTED).value
        let namespace = open("/proc/\(pid)/ns/net", O_RDONLY | O_CLOEXEC)
        defer { close(namespace) }
        var spec = ContainerSpec(sh: "readlink /proc/self/ns/net")
        spec.cloneFlags &= ~UInt64(CLONE_NEWNET)
        spec.networkNamespace = namespace
        let outcome = try run(spec, in: Place())
        #expect(outcome.output == (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net")) + "\n")
    }

    @Test func entersThePidNamespaceOfAnother() throws {
        let first = try Shim(Place())
        try first.launch(ContainerSpec(sh: "exec sleep 1000"))
        let pid = try first.expect(TIMBER_EVENT_STARTED).value
        let namespace = open("/proc/\(pid)/ns/pid", O_RDONLY | O_CLOEXEC)
        defer { close(namespace) }
        var spec = ContainerSpec(sh: "readlink /proc/self/ns/pid; ps | grep -c 'sleep 1000'")
        spec.cloneFlags &= ~UInt64(CLONE_NEWPID)
        spec.pidNamespace = namespace
        let outcome = try run(spec, in: Place())
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.first == (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/pid")))
        #expect(Int(lines.last ?? "0") ?? 0 >= 1)
    }

    @Test func setsUserGroupsDirectoryUmaskAndEnvironment() throws {
        var spec = ContainerSpec(sh: "id -u; id -g; id -G; pwd; umask; echo $COLOUR; touch /tmp/x && stat -c %U:%a /tmp/x")
        spec.process.uid = 1234
        spec.process.gid = 4321
        spec.process.groups = [4321, 5, 77]
        spec.process.umask = 0o27
        spec.process.directory = "/tmp"
        spec.process.environment.append("COLOUR=green")
        let place = try Place()
        #expect(chmod(place.image + "/tmp", 0o1777) == 0)
        let outcome = try run(spec, in: place)
        #expect(outcome.output == "1234\n4321\n4321 5 77\n/tmp\n0027\ngreen\nUNKNOWN:640\n", "\(outcome.error)")
    }

    @Test func userMayOpenStandardStreamsByName() throws {
        var spec = ContainerSpec(sh: "echo a > /dev/stdout; echo b > /dev/stderr")
        spec.process.uid = 1234
        let outcome = try run(spec, in: Place())
        #expect(outcome.output == "a\n")
        #expect(outcome.error == "b\n")
    }

    @Test func makesTheWorkingDirectory() throws {
        var spec = ContainerSpec(sh: "pwd; stat -c %a /srv/app")
        spec.process.directory = "/srv/app/data"
        spec.process.flags = TIMBER_PROCESS_CREATE_CWD
        #expect(try run(spec, in: Place()).output == "/srv/app/data\n755\n")
    }

    @Test func bindRootWorksToo() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "echo x > /made; cat /made")
        spec.overlay = false
        #expect(try run(spec, in: place).output == "x\n")
        #expect(try place.text("/image/made") == "x\n")
    }

    @Test func overlayKeepsTheImageClean() throws {
        let place = try Place()
        #expect(try run(ContainerSpec(sh: "echo x > /made; rm /bin/yes"), in: place).event.exitCode == 0)
        #expect(try place.text("/upper/made") == "x\n")
        #expect(FileManager.default.fileExists(atPath: place.image + "/bin/busybox"))
        #expect(!FileManager.default.fileExists(atPath: place.image + "/made"))
    }

    @Test func deviceNodesAreReal() throws {
        let outcome = try run(
            "for d in null zero full random urandom tty; do stat -c '%F %t:%T %a' /dev/$d; done; readlink /dev/fd; readlink /dev/ptmx")
        let expected = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0"].map { "character special file \($0) 666\n" }.joined()
        #expect(outcome.output == expected + "/proc/self/fd\npts/ptmx\n")
    }

    @Test func searchesThePathOfTheContainer() throws {
        let place = try Place()
        try place.make(place.image + "/first")
        try place.make(place.image + "/second")
        try place.write("/first/tool", "#!/bin/sh\necho first\n", mode: 0o644)
        try place.write("/second/tool", "#!/bin/sh\necho second\n", mode: 0o755)
        var spec = ContainerSpec(ProcessSpec(["tool"]))
        spec.process.environment = ["PATH=/nowhere:/first:/second"]
        #expect(try run(spec, in: place).output == "second\n")
    }

    @Test func mountsBindsWithTheirAttributes() throws {
        let place = try Place()
        try place.make(place.path + "/data/deep")
        var spec = ContainerSpec(
            sh:
                "echo w > /data/new && echo written; echo w > /ro/new || echo refused; cat /single; grep -c ' /new/target/dir ' /proc/self/mountinfo"
        )
        try Data("single\n".utf8).write(to: URL(fileURLWithPath: place.path + "/file"))
        spec.mounts += [
            .bind(place.path + "/data", "/data"),
            .bind(place.path + "/data", "/ro", attributes: UInt64(MOUNT_ATTR_RDONLY)),
            .bind(place.path + "/file", "/single", file: true),
            .bind(place.path + "/data", "/new/target/dir"),
        ]
        let outcome = try run(spec, in: place)
        #expect(outcome.output == "written\nrefused\nsingle\n1\n", "\(outcome.event.testDescription) \(outcome.error)")
        #expect(FileManager.default.fileExists(atPath: place.path + "/data/new"))
    }

    @Test func bindsADescriptor() throws {
        let place = try Place()
        try place.make(place.path + "/data")
        try Data("by descriptor".utf8).write(to: URL(fileURLWithPath: place.path + "/data/file"))
        let descriptor = open(place.path + "/data", 0o10000000 | O_CLOEXEC)
        defer { close(descriptor) }
        var spec = ContainerSpec(sh: "cat /data/file")
        var mount = MountSpec.bind("", "/data")
        mount.descriptor = descriptor
        spec.mounts.append(mount)
        #expect(try run(spec, in: place).output == "by descriptor")
    }

    @Test func mountTargetsFollowTheImagesLinksInsideTheRoot() throws {
        let place = try Place()
        try place.make(place.path + "/data")
        try FileManager.default.createSymbolicLink(atPath: place.image + "/link", withDestinationPath: "/../../../../etc/inside")
        var spec = ContainerSpec(sh: "grep -c ' /etc/inside ' /proc/self/mountinfo")
        try place.make(place.image + "/etc/inside")
        spec.mounts.append(.bind(place.path + "/data", "/link"))
        #expect(try run(spec, in: place).output == "1\n")
        #expect(!FileManager.default.fileExists(atPath: "/etc/inside"))
    }

    @Test func temporaryFileSystemsCopyWhatTheImageHas() throws {
        let place = try Place()
        try place.make(place.image + "/var/lib/app/sub")
        try place.write("/var/lib/app/sub/file", "content", mode: 0o640)
        try FileManager.default.createSymbolicLink(atPath: place.image + "/var/lib/app/link", withDestinationPath: "sub/file")
        #expect(chown(place.image + "/var/lib/app/sub/file", 12, 34) == 0)
        #expect(chmod(place.image + "/var/lib/app", 0o711) == 0)
        var spec = ContainerSpec(
            sh: "cat /var/lib/app/link; stat -c ' %u:%g %a' /var/lib/app/sub/file; stat -c %a /var/lib/app; stat -f -c %T /var/lib/app")
        var mount = MountSpec.fileSystem("tmpfs", "/var/lib/app")
        mount.flags = TIMBER_MOUNT_FLAG_COPY_UP
        spec.mounts.append(mount)
        #expect(try run(spec, in: place).output == "content 12:34 640\n711\ntmpfs\n")
    }

    @Test func sharedPropagationReachesTheContainer() throws {
        let place = try Place()
        let source = place.path + "/data"
        try place.make(source + "/sub")
        #expect(timber_mount("tmpfs", source, "tmpfs", 0, nil) == 0)
        defer { #expect(timber_umount2(source, MNT_DETACH) == 0) }
        #expect(timber_mount(nil, source, nil, 1 << 20, nil) == 0)
        try place.make(source + "/sub")
        let shim = try Shim(place)
        let stream = try shim.attach()
        var spec = ContainerSpec(sh: "echo ready; read x; ls /slave/sub /private/sub")
        spec.process.flags = TIMBER_PROCESS_STDIN
        var slave = MountSpec.bind(source, "/slave")
        slave.propagation = 1 << 19
        spec.mounts += [slave, .bind(source, "/private")]
        try shim.launch(spec)
        _ = try stream.read(100)
        #expect(timber_mount("tmpfs", source + "/sub", "tmpfs", 0, nil) == 0)
        try Data().write(to: URL(fileURLWithPath: source + "/sub/late"))
        try stream.write(Array("go\n".utf8))
        #expect(demultiplex(try stream.readAll()).output == "/private/sub:\n\n/slave/sub:\nlate\n")
    }

    /// As runc: what the user mounted in the place of a device or of a link is what the user wants there.
    @Test func mountsInPlaceOfDevicesStay() throws {
        let place = try Place()
        try place.write("/etc/file", "mine")
        var spec = ContainerSpec(sh: "cat /dev/full /dev/stdin; stat -c '%a %t:%T' /dev/zero /dev/tty")
        spec.mounts.append(.bind(place.image + "/etc/file", "/dev/full", file: true))
        spec.mounts.append(.bind(place.image + "/etc/file", "/dev/stdin", file: true))
        let outcome = try run(spec, in: place)
        #expect(outcome.output == "minemine666 1:5\n666 5:0\n", "\(outcome.event.testDescription) \(outcome.error)")
    }
}
