import Errors
import Foundation
import Layers
import Testing

@testable import Images

/// What an archive says of its images.
@Suite struct ArchivedImageTests {
    /// An archive of documents in memory.
    private struct Builder {
        var archive = IngestedArchive()

        @discardableResult
        mutating func add(_ name: String?, _ text: String) -> ContentDescriptorText {
            let bytes = Array(text.utf8)
            let digest = Digest.sha256(of: bytes)
            let name = name ?? "blobs/sha256/\(digest.hex)"
            archive.members[Array(name.utf8)] = .init(name: name, digest: digest, size: Int64(bytes.count), storage: .memory(bytes))
            return ContentDescriptorText(digest: digest, size: bytes.count)
        }
    }

    private struct ContentDescriptorText {
        var digest: Digest
        var size: Int

        func json(_ type: String, name: String? = nil) -> String {
            let annotations = name.map { #","annotations":{"io.containerd.image.name":"\#($0)"}"# } ?? ""
            return #"{"mediaType":"application/vnd.oci.image.\#(type).v1+json","digest":"\#(digest)","size":\#(size)\#(annotations)}"#
        }
    }

    private static func config(_ comment: String = "") -> String {
        #"{"architecture":"amd64","os":"linux","author":"\#(comment)","rootfs":{"type":"layers","diff_ids":[]}}"#
    }

    private static func docker(_ entries: [String], configs: [String: String] = ["config": config()]) -> IngestedArchive {
        var builder = Builder()
        for (name, config) in configs { builder.add(name, config) }
        builder.add("manifest.json", "[" + entries.joined(separator: ",") + "]")
        return builder.archive
    }

    /// An OCI layout of one image under many names.
    private static func layout(names: (Digest) -> [String?]) -> IngestedArchive {
        var builder = Builder()
        let config = builder.add(nil, config()).json("config")
        let manifest = builder.add(nil, #"{"schemaVersion":2,"config":\#(config),"layers":[]}"#)
        let entries = names(manifest.digest).map { manifest.json("manifest", name: $0) }
        builder.add("index.json", #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#)
        return builder.archive
    }

    private func refusal(_ archive: IngestedArchive) -> TimberError? {
        #expect(throws: TimberError.self) { try ArchivedImage.images(in: archive) }
    }

    @Test func imagesAreLimited() throws {
        let entry = #"{"Config":"config","Layers":[]}"#
        #expect(try ArchivedImage.images(in: Self.docker(Array(repeating: entry, count: 300))).count == 300)
        #expect(refusal(Self.docker(Array(repeating: entry, count: 301)))?.message.contains("lists 301 images") == true)
        #expect(try ArchivedImage.images(in: Self.layout { _ in (0..<300).map { "x:\($0)" } }).count == 300)
        #expect(refusal(Self.layout { _ in (0..<301).map { "x:\($0)" } })?.message.contains("lists 301 images") == true)
    }

    /// 300 images of one config of 3 MiB cost it once; as many different ones are too many.
    @Test func documentsAreLimitedTogether() throws {
        let large = String(repeating: "x", count: 3 << 20)
        let one = Self.docker(
            Array(repeating: #"{"Config":"config","Layers":[]}"#, count: 300), configs: ["config": Self.config(large)])
        #expect(try ArchivedImage.images(in: one).count == 300)
        let configs = Dictionary(uniqueKeysWithValues: (0..<11).map { ("config\($0)", Self.config(large + "\($0)")) })
        let many = Self.docker(configs.keys.map { #"{"Config":"\#($0)","Layers":[]}"# }, configs: configs)
        #expect(refusal(many)?.message.contains("configs and manifests have more than") == true)
    }

    /// The name would be found by whoever asks for the genuine image's digest.
    @Test func aForeignDigestIsNoName() throws {
        let genuine = "sha256:" + String(repeating: "1", count: 64)
        for name in ["x@\(genuine)", "x:1@\(genuine)", "@\(genuine)"] {
            let error = refusal(Self.docker([#"{"Config":"config","RepoTags":["\#(name)"],"Layers":[]}"#]))
            #expect(error?.code == .invalidArgument && error?.message.contains("manifest.json names an image") == true, "\(name)")
        }
        for name in ["x/y@\(genuine)", "x:1@\(genuine)"] {
            let error = refusal(Self.layout { _ in [name] })
            #expect(error?.code == .corrupt && error?.message.contains("but its digest is sha256:") == true, "\(name)")
        }
    }

    @Test func anImagesOwnDigestIsAName() throws {
        let images = try ArchivedImage.images(in: Self.layout { ["docker.io/library/x@\($0)", "docker.io/library/x:1@\($0)", "x:1"] })
        let manifest = try #require(images.first?.manifest)
        let own = "docker.io/library/x@\(Digest.sha256(of: manifest))"
        #expect(images.flatMap(\.names).map(\.description) == [own, own, "docker.io/library/x:1"])
    }
}
