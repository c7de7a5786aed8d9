import Errors
import Testing

@testable import Confinement

@Suite struct SecurityOptionTests {
    @Test func understandsDockersForms() throws {
        #expect(try SecurityOptions(parsing: []) == SecurityOptions())
        #expect(try SecurityOptions(parsing: ["no-new-privileges"]).noNewPrivileges)
        #expect(try SecurityOptions(parsing: ["no-new-privileges:true"]).noNewPrivileges)
        #expect(try !SecurityOptions(parsing: ["no-new-privileges", "no-new-privileges=false"]).noNewPrivileges)
        #expect(try SecurityOptions(parsing: ["seccomp=unconfined"]).seccomp == .unconfined)
        #expect(try SecurityOptions(parsing: ["seccomp:unconfined"]).seccomp == .unconfined)
        #expect(try SecurityOptions(parsing: ["seccomp=builtin"]).seccomp == .default)
        #expect(try !SecurityOptions(parsing: ["systempaths=unconfined"]).maskPaths)
        #expect(try SecurityOptions(parsing: ["apparmor=unconfined", "label=disable"]) == SecurityOptions())
        let profile = try SecurityOptions(parsing: [#"seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}"#])
        guard case .profile = profile.seccomp else {
            Issue.record("expected a profile")
            return
        }
    }

    @Test(arguments: [
        "", "seccomp", "seccomp=", "seccomp=/etc/profile.json", "no-new-privileges=maybe", "systempaths=all", "nonsense", "nonsense=1",
        "seccomp={}", "label=", "label=type:x", "apparmor=docker-default",
    ])
    func refusesTheRest(option: String) {
        #expect { try SecurityOptions(parsing: [option]) } throws: { error in
            [.invalidArgument, .unsupported].contains((error as? TimberError)?.code)
        }
    }
}

@Suite struct SysctlTests {
    private func paths(_ user: [String: String], sharing: Sysctls.SharedNamespaces = []) throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try Sysctls.effective(user, sharing: sharing).map { ($0.path, $0.value) })
    }

    @Test func setsDefaultsInAnOwnNetworkOnly() throws {
        #expect(try paths([:]) == ["net/ipv4/ping_group_range": "0 2147483647", "net/ipv4/ip_unprivileged_port_start": "0"])
        #expect(try paths([:], sharing: .hostNetwork) == [:])
        #expect(try paths([:], sharing: .containerNetwork) == [:])
        #expect(try paths(["net.ipv4.ip_unprivileged_port_start": "1024"])["net/ipv4/ip_unprivileged_port_start"] == "1024")
    }

    @Test func readsNamesAsSysctlDoes() throws {
        #expect(try paths(["net.ipv4.conf.eth0/1.forwarding": "1"])["net/ipv4/conf/eth0.1/forwarding"] == "1")
        #expect(try paths(["net/ipv4/conf/eth0.1/forwarding": "1"])["net/ipv4/conf/eth0.1/forwarding"] == "1")
        #expect(try paths(["kernel.shmmax": "1", "fs.mqueue.msg_max": "5"]).count == 4)
        #expect(try Sysctls.effective(["kernel.sem": "1 2 3 4"], sharing: []).map(\.path).first == "kernel/sem")
    }

    @Test(arguments: [
        ("kernel.core_pattern", "x"), ("kernel/core_pattern", "x"), ("vm.swappiness", "1"), ("kernel.hostname", "x"), ("fs.mqueuex", "1"),
        ("fs.mqueue", "1"),
        ("net", "1"), ("net.", "1"), (".net.x", "1"), ("/net/x", "1"), ("net/../kernel/core_pattern", "x"), ("net./././x", "1"),
        ("net...kernel.core_pattern", "x"), ("net.ipv4.x y", "1"), ("net.ipv4.x\0", "1"), ("net.ipv4.x=1", "1"), ("", "1"),
        ("net.x", "1+kernel.core_pattern=|/bin/sh"), ("net.x", "1\nkernel"), ("net.x", "1\0"), ("net.x", "a=b"), ("net.x", "|x"),
        ("net.x", String(repeating: "1", count: 1025)), ("net.x", "é"),
    ])
    func refusesWhatCouldReachTheHost(name: String, value: String) {
        #expect { try paths([name: value]) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test func refusesWhatIsTheHosts() {
        for (name, sharing) in [
            ("net.ipv4.ip_forward", .hostNetwork), ("kernel.shmmax", .hostIPC), ("fs.mqueue.msg_max", .hostIPC),
            ("kernel.domainname", .hostUTS),
        ] as [(String, Sysctls.SharedNamespaces)] {
            #expect(throws: TimberError.self) { try paths([name: "1"], sharing: sharing) }
            #expect(throws: Never.self) { try paths([name: "1"]) }
        }
    }

    @Test func refusesTwoSpellingsOfOne() {
        #expect(throws: TimberError.self) { try paths(["net.ipv4.ip_forward": "1", "net/ipv4/ip_forward": "0"]) }
    }
}

@Suite struct DefaultPathTests {
    /// moby's list (daemon/pkg/oci/defaults.go); GHSA-6fw5-f8r9-fgfm and GHSA-jq35-85cj-fj4p added to it.
    @Test func masksWhatDockerMasks() {
        for path in [
            "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
        ] { #expect(DefaultPaths.masked.contains(path)) }
        #expect(DefaultPaths.readOnly == ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
        #expect((DefaultPaths.masked + DefaultPaths.readOnly).allSatisfy { $0.hasPrefix("/proc/") || $0.hasPrefix("/sys/") })
    }

    @Test func makesTheSpecificationsDevices() {
        #expect(DeviceNode.defaults.map(\.path) == ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/\($0)" })
        #expect(DeviceNode.defaults.allSatisfy { $0.mode == 0o020666 && $0.uid == 0 && $0.gid == 0 })
        #expect(DeviceNode.links.allSatisfy { $0.path.hasPrefix("/dev/") })
    }
}
