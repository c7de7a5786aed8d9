import Glibc
import Testing

@testable import Engine

@Suite struct ExecDiagnosisTests {
    private func message(_ head: String, _ error: Int32, present: Set<String> = []) -> String? {
        ExecDiagnosis(head: Array(head.utf8), architecture: "amd64").message(errno: error) { present.contains($0) }
    }

    @Test func missingInterpreter() throws {
        let text = try #require(message("#!/usr/bin/env python\nx", ENOENT))
        #expect(text.contains("no such file or directory") && text.contains("\"/usr/bin/env\""))
        #expect(message("#!/bin/sh -e\n", ENOENT, present: ["/bin/sh"]) == nil)
    }

    @Test func programsAreLookedForInPath() {
        func candidates(_ program: String, _ environment: String...) -> [String] {
            ExecDiagnosis.candidates(program, environment: environment, workingDirectory: "/w")
        }
        #expect(candidates("true", "A=/x", "PATH=/a::b:/c") == ["/a/true", "/w/true", "/w/b/true", "/c/true"])
        #expect(candidates("true").last == "/bin/true")
        #expect(candidates("/bin/true", "PATH=/a") == ["/bin/true"])
        #expect(candidates("bin/true", "PATH=/a") == ["/w/bin/true"])
    }

    @Test func windowsLineEnds() throws {
        let text = try #require(message("#!/bin/sh\r\necho", ENOENT))
        #expect(text.contains("carriage return") && text.contains("\"#!/bin/sh\""))
    }

    @Test func anotherArchitecture() throws {
        var head = [UInt8](repeating: 0, count: 64)
        head.replaceSubrange(0..<4, with: [0x7f, 0x45, 0x4c, 0x46])
        head[18] = 0xb7
        let diagnosis = ExecDiagnosis(head: head, architecture: "amd64")
        #expect(try #require(diagnosis.message(errno: ENOEXEC) { _ in true }).contains("built for arm64"))
        #expect(ExecDiagnosis(head: head, architecture: "arm64").message(errno: ENOEXEC) { _ in true } == nil)
    }

    @Test(arguments: ["", "just text", "\u{7f}ELF", "#!", "#!   \n"])
    func garbageNeverTraps(_ head: String) {
        _ = message(head, ENOEXEC)
        _ = message(head, ENOENT)
    }
}
