import Errors
import Testing

@testable import Engine

@Suite struct UserDatabaseTests {
    private let users = UserDatabase(
        passwd: Array("root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:www:/var/www:/bin/false\nbroken\n1000:x:7:8::/h:/s\n".utf8),
        group: Array("root:x:0:\nwheel:x:10:root,web\nweb:x:34:\nadm:x:4:web\n".utf8))

    @Test func emptyIsRootWithItsGroups() throws {
        #expect(try users.resolve("", extra: []) == .init(uid: 0, gid: 0, groups: [10], home: "/root"))
    }

    @Test func aNameBringsItsGroups() throws {
        #expect(try users.resolve("web", extra: []) == .init(uid: 33, gid: 34, groups: [10, 4], home: "/var/www"))
    }

    @Test func aGroupReplacesTheUsersOwn() throws {
        #expect(try users.resolve("web:adm", extra: []) == .init(uid: 33, gid: 4, groups: [], home: "/var/www"))
        #expect(try users.resolve("33:77", extra: ["wheel", "5"]) == .init(uid: 33, gid: 77, groups: [10, 5], home: "/var/www"))
    }

    @Test func aNumberNeedsNoEntry() throws {
        #expect(try users.resolve("4242", extra: []) == .init(uid: 4242, gid: 0, groups: [], home: "/"))
    }

    @Test func aNameOfDigitsWinsOverTheNumber() throws {
        #expect(try users.resolve("1000", extra: []).uid == 7)
    }

    @Test(arguments: ["nobody", "web:none", "-1", "99999999999", "4294967295"])
    func unknownNamesAreRefused(_ user: String) {
        let error = #expect(throws: TimberError.self) { try users.resolve(user, extra: []) }
        #expect(error?.code == .invalidArgument)
    }
}
