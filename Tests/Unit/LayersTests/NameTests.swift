import Errors
import Layers
import Tar
import TarBuilder
import Testing

@Suite struct DigestTests {
    static let valid = "sha256:" + String(repeating: "0123456789abcdef", count: 4)

    @Test func validation() throws {
        #expect(try Digest(Self.valid).description == Self.valid)
        #expect(try Digest(Self.valid).short == "0123456789ab")
        for wrong in [
            "", "sha256:", "sha256:abc", "sha256:../../x", Self.valid.uppercased(), "SHA256:" + Self.valid.dropFirst(7), Self.valid + "0",
            String(Self.valid.dropLast()), "sha512:" + Self.valid.dropFirst(7), String(Self.valid.dropFirst(7)), Self.valid + "\u{0}",
            "sha256:" + String(repeating: "é", count: 32), "sha256:" + String(repeating: "../", count: 21) + "x", " " + Self.valid,
            "sha256: " + Self.valid.dropFirst(8), "md5:" + String(repeating: "a", count: 32),
        ] {
            #expect(throws: TimberError.self, "\(wrong)") { try Digest(wrong) }
        }
    }

    @Test func hashing() throws {
        #expect(Digest.sha256(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var hasher = Digest.Hasher()
        Array("abc".utf8).withUnsafeBytes { hasher.update($0) }
        #expect(hasher.digest() == Digest.sha256(of: "abc".utf8))
    }

    /// The example of the image specification's rule: ChainID(L0|L1) = sha256(ChainID(L0) + " " + DiffID(L1)).
    @Test func chains() throws {
        let first = Digest.sha256(of: [1])
        let second = Digest.sha256(of: [2])
        #expect(Digest.chainID(parent: nil, diffID: first) == first)
        #expect(Digest.chainID(parent: first, diffID: second) == Digest.sha256(of: "\(first) \(second)".utf8))
    }
}

@Suite struct MemberNameTests {
    @Test func normalisation() throws {
        for (name, expected) in [
            ("a/b", "a/b"), ("./a/b/", "a/b"), ("/a//b", "a/b"), ("././a", "a"), (".", ""), ("./", ""), ("/", ""), ("", ""), ("...", "..."),
            ("a/..b", "a/..b"),
        ] {
            #expect(try MemberName.normalised(Array(name.utf8)) == Array(expected.utf8), "\(name)")
        }
        #expect(try MemberName.normalised([0xff, 0x2f, 0xfe]) == [0xff, 0x2f, 0xfe])
    }

    @Test func refusals() {
        for name in [
            "..", "../x", "a/../b", "a/..", "/..", "a\u{0}b", String(repeating: "n", count: 256), String(repeating: "d/", count: 2100),
        ] {
            let error = #expect(throws: TimberError.self, "\(name)") { try MemberName.normalised(Array(name.utf8)) }
            #expect((error?.message.count ?? .max) < 400)
        }
    }
}
