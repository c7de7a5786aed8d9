import DockerAPI
import Errors
import Testing

@testable import Engine

@Suite struct MountParsingTests {
    private func resolve(binds: [String] = [], volumes: Set<String> = [], tmpfs: [String: String] = [:]) throws -> [MountSpec] {
        var config = ContainerConfig()
        config.volumes = volumes
        var host = HostConfig()
        host.binds = binds
        host.tmpfs = tmpfs
        return try MountParsing.resolve(config, host)
    }

    @Test func bindsAndVolumes() throws {
        let mounts = try resolve(binds: ["/srv/../srv/x:/data:ro", "cache:/var/cache"])
        let bind = try #require(mounts.first { $0.kind == .bind })
        #expect(bind.source == "/srv/x" && bind.destination == "/data" && bind.readOnly)
        let volume = try #require(mounts.first { $0.kind == .volume })
        #expect(volume.volume == "cache" && !volume.readOnly && !volume.anonymous)
    }

    /// docker-py asks for anonymous volumes so.
    @Test func placeAloneIsAnAnonymousVolume() throws {
        let mounts = try resolve(binds: ["/data", "/srv:/x"], volumes: ["/data"])
        let volume = try #require(mounts.first { $0.destination == "/data" })
        #expect(mounts.count == 2 && volume.kind == .volume && volume.anonymous && volume.volume.utf8.count == 64)
    }

    @Test func imageVolumesYieldToBinds() throws {
        let mounts = try resolve(binds: ["/srv:/data"], volumes: ["/data", "/other"])
        #expect(mounts.count == 2)
        #expect(mounts.first { $0.destination == "/other" }?.anonymous == true)
    }

    @Test func parentsComeFirst() throws {
        #expect(try resolve(binds: ["/a:/x/y/z", "/b:/x"]).map(\.destination) == ["/x", "/x/y/z"])
    }

    @Test(
        arguments: [
            "relative", ":/x", "/a:", "/a:relative", "/a:/", "/a:/..", "/a:/x:bogus", "a b:/x", "../up:/x", "/a:/b:ro:rw", "/a:/proc",
            "/a:/proc/sys", "/a:/x/../proc/self",
        ])
    func badOnesAreRefused(_ bind: String) {
        let error = #expect(throws: TimberError.self) { try resolve(binds: [bind]) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func duplicatesAreRefused() {
        #expect(throws: TimberError.self) { try resolve(binds: ["/a:/x", "/b:/x/"]) }
        #expect(throws: TimberError.self) { try resolve(binds: ["/a:/x"], tmpfs: ["/x": ""]) }
    }
}
