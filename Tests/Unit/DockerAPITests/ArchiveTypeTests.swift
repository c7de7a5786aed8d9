import DockerAPI
import Testing

@Suite struct ArchiveTypeTests {
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")])
    func base64(_ text: String, _ encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
    }

    @Test func everyByteSurvivesBase64() {
        let bytes = (0...255).map { UInt8($0) }
        for count in 253...256 { #expect(Base64.decode(Base64.encode(Array(bytes.prefix(count)))) == Array(bytes.prefix(count))) }
        for bad in ["Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9\n", "Zm9-"] { #expect(Base64.decode(bad) == nil, "\(bad)") }
    }

    /// Numbers that Go prints for os.FileMode.
    @Test(
        arguments: [
            (0o100644, 0o644), (0o040755, 0x8000_01ed), (0o120777, 0x0800_01ff), (0o020666, 0x0420_01b6), (0o060660, 0x0400_01b0),
            (0o010644, 0x0200_01a4), (0o140777, 0x0100_01ff), (0o104755, 0x0080_01ed), (0o102755, 0x0040_01ed), (0o041777, 0x8010_01ff),
        ] as [(UInt32, UInt32)])
    func goModes(_ mode: UInt32, _ go: UInt32) {
        #expect(GoFileMode(mode: mode).rawValue == go)
    }

    @Test func kinds() {
        #expect(GoFileMode(mode: 0o100644).isRegular && !GoFileMode(mode: 0o100644).isDirectory)
        #expect(GoFileMode(mode: 0o040755).isDirectory && !GoFileMode(mode: 0o040755).isRegular)
        #expect(GoFileMode(mode: 0o120777).isSymbolicLink && !GoFileMode(mode: 0o020666).isRegular)
    }
}
