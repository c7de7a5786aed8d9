import CTimber
import Foundation
import Testing

/// What a container's first process sees and how its end is told.
@Suite struct RunTests {
    @Test func echoesAndExits() throws {
        let outcome = try run("echo hi; echo oops >&2; exit 7")
        #expect(outcome.event.exitCode == 7, "\(outcome.event.testDescription)")
        #expect(outcome.output == "hi\n")
        #expect(outcome.error == "oops\n")
    }
}
