internal import ArgumentParser

/// One command of tctl.
protocol TctlCommand: ParsableCommand {
    /// What the flag reader has to know.
    static var shape: CommandShape { get }

    /// Fills the properties from what was given. The default does it by decoding, which costs the first of each type tens of
    /// microseconds; commands that somebody waits for, with many properties, name them one by one instead.
    /// - Throws: `NotFilled` for what ArgumentParser has to read.
    init(given: GivenFlags) throws

    /// Does it.
    /// - Throws: `CommandFailure`, `APIError`, or an error whose description is for people; anything else than the first exits with 1.
    func run(in session: Session) throws
}

/// What a command works with.
struct Session {
    /// The daemon.
    let client: Client

    /// Does something to each of several objects, goes on after a failure, and fails at the end when one failed.
    /// - Parameter body: what to do; its errors are printed.
    func forEach(_ names: [String], _ body: (String) throws -> Void) throws {
        var failed: Int32 = 0
        for name in names {
            do {
                try body(name)
            } catch let error as APIError {
                Console.note("tctl: \(Printable(error.message))")
                failed = 1
            } catch let error as CommandFailure where error.status == 1 {
                Console.note("tctl: \(error.message)")
                failed = 1
            }
        }
        if failed != 0 { throw CommandFailure.exit(failed) }
    }
}

/// A container in a request's path.
enum ContainerPath {
    /// `/containers/NAME` with more behind it.
    /// - Throws: `CommandFailure` when the name is empty.
    static func make(_ name: String, _ rest: String = "") throws -> String {
        let trimmed = name.hasPrefix("/") ? String(name.dropFirst()) : name
        if trimmed.isEmpty { throw CommandFailure("the name of a container is empty") }
        return "/containers/\(PercentEncoding.segment(trimmed))\(rest)"
    }
}

/// An image in a request's path.
enum ImagePath {
    /// `/images/REFERENCE` with more behind it.
    /// - Throws: `CommandFailure` when the reference is empty.
    static func make(_ reference: String, _ rest: String = "") throws -> String {
        if reference.isEmpty { throw CommandFailure("the name of an image is empty") }
        return "/images/\(PercentEncoding.path(reference))\(rest)"
    }
}
