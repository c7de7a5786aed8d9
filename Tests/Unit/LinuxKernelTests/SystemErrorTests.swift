import LinuxKernel
import Testing

@Suite struct SystemErrorTests {
    @Test func namesCallObjectAndReason() {
        let error = SystemError(call: "openat2", errno: 2, what: "/etc/passwd")
        #expect(error.description == "openat2 /etc/passwd: no such file or directory")
    }
}
