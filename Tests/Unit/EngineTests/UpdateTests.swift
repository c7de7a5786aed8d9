import Cgroups
import DockerAPI
import Errors
import Testing

@testable import Engine

@Suite struct UpdateTests {
    private var features: CgroupFeatures {
        var features = CgroupFeatures()
        features.memory = true
        features.swap = true
        features.cpuQuota = true
        features.processors = 4
        return features
    }

    /// Each is fine by itself, both together never start again.
    @Test func whatDoesNotFitTheOldLimitsIsRefused() throws {
        var old = Resources()
        old.memory = 64 << 20
        old.memorySwap = 64 << 20
        var new = Resources()
        new.memory = 128 << 20
        #expect(throws: TimberError.self) { try ResourceMapping.merged(old, new, features: features) }
        new.memorySwap = 256 << 20
        #expect(try ResourceMapping.merged(old, new, features: features).resources.memorySwap == 256 << 20)
        var quota = Resources()
        quota.cpuQuota = 50_000
        var processors = Resources()
        processors.nanoCPUs = 1_000_000_000
        #expect(throws: TimberError.self) { try ResourceMapping.merged(quota, processors, features: features) }
    }
}
