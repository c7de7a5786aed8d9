import DockerAPI
import Errors
import Testing

@testable import Engine

@Suite struct EventTests {
    private func event(_ type: String, _ action: String, id: String = "abc", _ attributes: [String: String] = [:]) -> EventMessage {
        EventMessage(type: type, action: action, actor: EventActor(id: id, attributes: attributes))
    }

    @Test(
        arguments: [
            (["type": ["container"]], true), (["type": ["image", "container"]], true), (["type": ["image"]], false),
            (["container": ["abc"]], true), (["container": ["ab"]], true), (["container": ["web"]], true),
            (["container": ["other"]], false),
            (["image": ["busybox:1"]], true), (["image": ["busybox"]], true), (["image": ["box"]], false), (["network": ["web"]], false),
            (["event": ["start"]], true), (["event": ["star"]], false), (["label": ["a"]], true), (["label": ["a=b"]], true),
            (["label": ["a", "z"]], false), (["label": ["a="]], false), (["scope": ["local"]], true), (["scope": ["swarm"]], false),
            (["event": ["start"], "container": ["other"]], false), ([:], true),
        ] as [([String: [String]], Bool)])
    func filters(_ values: [String: [String]], _ matches: Bool) throws {
        let start = event("container", "start", ["name": "web", "image": "busybox:1", "a": "b"])
        #expect(try EventFilter(values).matches(start) == matches)
    }

    @Test func moreFilters() throws {
        #expect(try EventFilter(["event": ["exec_create"]]).matches(event("container", "exec_create: ls")))
        #expect(try EventFilter(["event": ["exec_create: ls"]]).matches(event("container", "exec_create: ls")))
        #expect(try !EventFilter(["event": ["exec_start"]]).matches(event("container", "exec_create: ls")))
        let tag = event("image", "tag", id: "sha256:0123456789", ["name": "localhost:5000/elm:2"])
        for name in ["localhost:5000/elm", "localhost:5000/elm:2", "sha256:0123456789", "012345"] {
            #expect(try EventFilter(["image": [name]]).matches(tag), "\(name)")
        }
        #expect(try !EventFilter(["image": ["localhost"]]).matches(tag))
        #expect(throws: TimberError.self) { try EventFilter(["nosuch": ["x"]]) }
    }

    @Test(arguments: ["99999999999999999999h", "9223372036854775807d", String(repeating: "9223372036854775807s", count: 3)])
    func endlessDurations(_ text: String) {
        #expect(Timestamp(filter: text) == nil)
    }
}
