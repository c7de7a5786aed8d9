import Confinement
import Errors
import Testing

@Suite struct CapabilityTests {
    private let everything = CapabilitySet.kernel()

    private func granted(_ add: [String], _ drop: [String], privileged: Bool = false) throws -> CapabilitySet {
        try CapabilityGrant.resolve(add: add, drop: drop, privileged: privileged, bounding: everything).capabilities
    }

    @Test func namesTheDefaults() {
        #expect(
            CapabilitySet.timberDefault.names == [
                "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
                "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP",
            ])
        #expect(CapabilitySet.dockerDefault.subtracting(.timberDefault).names == ["CAP_NET_RAW", "CAP_MKNOD", "CAP_AUDIT_WRITE"])
    }

    @Test func readsNamesInEveryForm() throws {
        for name in ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_net_admin", "Cap_Net_Admin"] {
            #expect(try CapabilitySet(names: [name]).rawValue == 1 << 12)
        }
    }

    @Test(arguments: ["", "CAP_", "FOO", "12", "CAP_12", "cap_0", "CHOWN ", "CHOWN,KILL", "chown\0", "CAP_CAP_CHOWN", "ａll", "=ep"])
    func refusesOtherNames(name: String) {
        #expect { try CapabilitySet(names: [name]) } throws: {
            ($0 as? TimberError)?.code == .invalidArgument && "\($0)".contains("unknown capability")
        }
        #expect { try granted([name], []) } throws: { "\($0)".contains("CapAdd") }
        #expect { try granted([], [name]) } throws: { "\($0)".contains("CapDrop") }
    }

    @Test func followsDockersRules() throws {
        #expect(try granted([], []) == .timberDefault)
        #expect(try granted(["NET_RAW"], ["CHOWN"]).names.contains("CAP_NET_RAW"))
        #expect(try !granted(["NET_RAW"], ["CHOWN"]).names.contains("CAP_CHOWN"))
        #expect(try granted(["ALL"], []) == everything)
        #expect(
            try granted(["all"], ["SYS_ADMIN", "cap_net_admin"])
                == everything.subtracting(CapabilitySet(names: ["SYS_ADMIN", "NET_ADMIN"])))
        #expect(try granted([], ["ALL"]).isEmpty)
        #expect(try granted(["KILL"], ["ALL"]).names == ["CAP_KILL"])
        #expect(try granted(["ALL"], ["ALL"]) == everything)
        // Added and dropped: added wins, as in Docker.
        #expect(try granted(["CHOWN"], ["CHOWN"]).names.contains("CAP_CHOWN"))
        #expect(try granted([], ["ALL"], privileged: true) == everything)
    }

    @Test func saysWhatItCannotGive() throws {
        let bounding = try everything.subtracting(CapabilitySet(names: ["SYS_RESOURCE", "CHOWN"]))
        let grant = try CapabilityGrant.resolve(add: ["SYS_RESOURCE", "NET_ADMIN"], drop: [], bounding: bounding)
        #expect(grant.refused.names == ["CAP_CHOWN", "CAP_SYS_RESOURCE"])
        #expect(grant.capabilities.contains(try CapabilitySet(names: ["NET_ADMIN"])))
        #expect(bounding.contains(grant.capabilities))
        #expect(grant.warning == "timberd does not hold CAP_CHOWN, CAP_SYS_RESOURCE: the container runs without")
        #expect(
            try CapabilityGrant.resolve(add: [], drop: [], privileged: true, bounding: bounding).refused.names == [
                "CAP_CHOWN", "CAP_SYS_RESOURCE",
            ])
        #expect(try CapabilityGrant.resolve(add: [], drop: ["CHOWN"], bounding: bounding).warning == nil)
    }

    @Test func knowsItsOwn() throws {
        let own = try CapabilitySet.ownBounding()
        #expect(everything.contains(own))
        #expect(try CapabilitySet.ownBounding() == own)
    }
}
