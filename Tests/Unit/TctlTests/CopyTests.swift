import Testing

@testable import TctlCommands

@Suite struct CopyTests {
    @Test func ends() {
        #expect(CopyEnd("web:/etc") == .container("web", path: "/etc"))
        #expect(CopyEnd("web:rel:x") == .container("web", path: "rel:x"))
        #expect(CopyEnd("web:") == .container("web", path: ""))
        for local in ["/a:b", "./a:b", "../a:b", "-", "file", "", ".hidden:x"] { #expect(CopyEnd(local) == .local(local)) }
    }

    @Test(arguments: [
        ("", "."), ("/", "/"), ("a//b/", "a/b"), ("./a", "a"), ("a/..", "."), ("../a", "../a"), ("/../a", "/a"), ("a/../../b", "../b"),
        ("/a/./b/../c", "/a/c"),
    ])
    func clean(_ path: String, _ cleaned: String) {
        #expect(CopyPath.clean(path) == cleaned)
    }

    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a/b/", "/a", "b"), ("/a/b/.", "/a/b", "."), ("b", ".", "b"), (".", ".", "."), ("/b", "/", "b"),
        ("a/b", "a", "b"),
    ])
    func split(_ path: String, _ directory: String, _ name: String) {
        #expect(CopyPath.split(path) == (directory, name))
    }

    @Test func endsOfPaths() {
        #expect(CopyPath.assertsDirectory("a/") && CopyPath.assertsDirectory("a/.") && CopyPath.assertsDirectory("."))
        #expect(!CopyPath.assertsDirectory("a") && !CopyPath.assertsDirectory("a.") && !CopyPath.assertsDirectory("a/.b"))
        #expect(CopyPath.keepingEnd(of: "x/.", "/r") == "/r/.")
        #expect(CopyPath.keepingEnd(of: "x/", "/r") == "/r/")
        #expect(CopyPath.keepingEnd(of: "x", "/r") == "/r")
        #expect(CopyPath.resolve("../t", from: "/a/b/link") == "/a/t")
        #expect(CopyPath.resolve("/t", from: "/a/b/link") == "/t")
    }

    @Test func plans() throws {
        func plan(_ sourceIsDirectory: Bool, _ path: String, _ isDirectory: Bool?) throws -> [String?] {
            let plan = try CopyPlan(sourceIsDirectory: sourceIsDirectory, target: CopyTarget(path: path, isDirectory: isDirectory))
            return [plan.directory, plan.name]
        }
        #expect(try plan(false, "/d", true) == ["/d", nil])
        #expect(try plan(true, "/d", true) == ["/d", nil])
        #expect(try plan(false, "/d/f", false) == ["/d", "f"])
        #expect(try plan(false, "/d/new", nil) == ["/d", "new"])
        #expect(try plan(true, "/d/new/", nil) == ["/d", "new"])
        #expect(throws: CommandFailure.self) { try plan(true, "/d/f", false) }
        #expect(throws: CommandFailure.self) { try plan(false, "/d/new/", nil) }
    }

    @Test(arguments: [
        ("d", "d", "e", "e"), ("d/f", "d", "e", "e/f"), ("./f", ".", "e", "e/f"), ("/f", "/", "e", "e/f"), ("/", "/", "e", "e/"),
        ("other", "d", "e", "other"), ("dd/f", "d", "e", "dd/f"),
    ])
    func names(_ member: String, _ old: String, _ new: String, _ renamed: String) {
        #expect(CopyPlan.rename(Array(member.utf8), from: old, to: new) == Array(renamed.utf8))
    }
}
