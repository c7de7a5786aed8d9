import CTimber
import Errors
import Testing

@testable import Engine

@Suite struct SmallTypesTests {
    @Test(arguments: ["web", "a1", "x_y.z-1", "/slashed"])
    func goodNames(_ name: String) throws {
        #expect(try ContainerName.validated(name) == (name.hasPrefix("/") ? String(name.dropFirst()) : name))
    }

    @Test(arguments: ["", "a", ".", "..", "-rf", "../x", "a/b", "a b", "ä1", "a\0b", String(repeating: "x", count: 129), "_x", "//x"])
    func badNames(_ name: String) {
        #expect(throws: TimberError.self) { try ContainerName.validated(name) }
    }

    @Test func idsAreDistinctAndLong() {
        let ids = Set((0..<100).map { _ in ContainerName.makeID() })
        #expect(ids.count == 100)
        #expect(ids.allSatisfy { $0.count == 64 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
    }

    @Test(arguments: [("SIGTERM", 15), ("kill", 9), ("15", 15), ("RTMIN+3", 37), ("SIGRTMAX-1", 63), ("", 15)] as [(String, Int32)])
    func signals(_ text: String, _ number: Int32) throws {
        #expect(try Signals.number(text, default: 15) == number)
    }

    @Test(arguments: ["SIGNOPE", "0", "65", "-9", "RTMIN+99", "9 "])
    func badSignals(_ text: String) {
        #expect(throws: TimberError.self) { try Signals.number(text, default: 15) }
    }

    @Test func environmentReplacesInPlaceAndRemoves() {
        var environment = Environment(["A=1", "B=2", "C=3"])
        environment.set("B=9")
        environment.set("C")
        environment.set("D=")
        #expect(environment.variables == ["A=1", "B=9", "D="])
        #expect(environment["B"] == "9")
    }

    @Test func planStringsRefuseNUL() throws {
        var buffer = PlanBuffer(headSize: 16)
        #expect(throws: TimberError.self) { try buffer.string("a\0b") }
        let span = try buffer.string("ab")
        #expect(span.offset == 16 && span.count == 2)
        let array = buffer.array([UInt64(1), 2])
        #expect(array.offset % 8 == 0 && array.count == 2)
    }

    @Test func planTooLargeIsRefused() throws {
        var buffer = PlanBuffer(headSize: 16)
        _ = try buffer.string(String(repeating: "x", count: Int(TIMBER_PLAN_MAX)))
        #expect(throws: TimberError.self) { try buffer.finish(UInt64(0)) }
    }

    @Test func framesArriveInPieces() {
        var decoder = FrameDecoder()
        var events = 0
        let frame = timber_frame(length: 0, type: TIMBER_EVENT_STARTED, process: 0, value: 42)
        let bytes = withUnsafeBytes(of: frame) { Array($0) }
        for byte in bytes + bytes { #expect(decoder.append([byte][...]) { _ in events += 1 }) }
        #expect(events == 2)
        let huge = withUnsafeBytes(of: timber_frame(length: UInt32.max, type: 65, process: 0, value: 0)) { Array($0) }
        #expect(!decoder.append(huge[...]) { _ in })
    }

    @Test(arguments: [("/a/../b//c/.", "/b/c"), ("/", "/"), ("/../..", "/"), ("a", nil)] as [(String, String?)])
    func paths(_ path: String, _ expected: String?) {
        #expect(cleanPath(path) == expected)
    }

    @Test func timesRoundTrip() throws {
        let time = try #require(Timestamp(rfc3339: "2026-11-22T20:00:00.12+01:00".utf8))
        #expect(time.rfc3339 == "2026-11-22T19:00:00.12Z")
        #expect(Timestamp.never.rfc3339 == "0001-01-01T00:00:00Z")
        #expect(Timestamp(rfc3339: "yesterday".utf8) == nil)
    }

    @Test func cgroupControllersOfOneHierarchyHaveALinkEach() {
        let mount = RuntimeSpec.Mount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"])
        let links = CgroupHierarchies.links([mount], ["memory", "cpu,cpuacct"])
        #expect(links.map(\.0) == ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct"])
        #expect(links.map(\.1) == ["cpu,cpuacct", "cpu,cpuacct"])
        // A mount of the user's is left as it is.
        #expect(CgroupHierarchies.links([], ["cpu,cpuacct"]).isEmpty)
    }
}
