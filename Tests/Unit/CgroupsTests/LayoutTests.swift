import Testing

@testable import Cgroups

@Suite struct LayoutTests {
    private func parse(_ mountInfo: String) -> CgroupLayout? { CgroupLayout(mountInfo: mountInfo) }

    @Test func seesHybrid() throws {
        let layout = try #require(
            parse(
                """
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

    @Test func seesOneInterfaceOnly() throws {
        let unified = try #require(parse("30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate"))
        #expect(unified.kind == .v2)
        let legacy = try #require(parse("32 31 0:29 / /cg/mem\\040ory rw - cgroup none rw,memory"))
        #expect(legacy.kind == .v1)
        #expect(legacy.hierarchies.map(\.mountPoint) == ["/cg/mem ory"])
    }

    @Test func takesAHierarchyOnce() throws {
        let layout = try #require(
            parse("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n99 31 0:29 / /elsewhere rw - cgroup cgroup rw,cpu"))
        #expect(layout.hierarchies.map(\.mountPoint) == ["/sys/fs/cgroup/cpu"])
    }

    @Test(arguments: ["", "garbage", "1 2 3 / / rw - ext4 /dev/vda rw", "1 2 3 / /x rw -", "- - - - - - -"])
    func knowsWhenThereIsNone(mountInfo: String) {
        #expect(parse(mountInfo) == nil)
    }
}
