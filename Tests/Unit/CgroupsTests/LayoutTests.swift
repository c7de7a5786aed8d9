import Testing

@testable import Cgroups

@Suite struct LayoutTests {
    @Test func seesHybrid() throws {
        let layout = try #require(
            CgroupLayout(
                mountInfo: """
                    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
                    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
                    33 31 0:30 / /sys/fs/cgroup/net_cls rw,relatime - cgroup cgroup rw,net_cls
                    34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
                    35 31 0:32 / /sys/fs/cgroup/unified rw master:1 shared:2 - cgroup2 cgroup2 rw,nsdelegate
                    """))
        #expect(layout.kind == .hybrid)
        #expect(layout.hierarchies.map(\.mountPoint) == ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"])
        #expect(layout.hierarchies[0].controllers == ["cpu", "cpuacct"])
    }
}
