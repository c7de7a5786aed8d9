internal import CTimber
internal import Glibc

/// A system call that failed: which call, its errno, and what it was about.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system call's name, as in its man page.
    public let call: String
    /// errno as the call left it.
    public let errno: Int32
    /// The path, name or number it was about; empty when there is none.
    public let what: String

    /// Makes an error.
    /// - Parameters:
    ///   - call: the system call's name.
    ///   - errno: errno, copied directly after the call.
    ///   - what: what the call was about.
    public init(call: String, errno: Int32, what: String = "") {
        self.call = call
        self.errno = errno
        self.what = what
    }

    /// strerror(3) of the errno.
    public var reason: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(errno, &buffer, buffer.count) == 0 else { return "error \(errno)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).lowercasedFirst
    }

    /// `call what: reason`, for example `openat2 /etc/passwd: no such file or directory`.
    public var description: String {
        what.isEmpty ? "\(call): \(reason)" : "\(call) \(what): \(reason)"
    }
}

extension String {
    fileprivate var lowercasedFirst: String {
        guard let first else { return self }
        return first.lowercased() + dropFirst()
    }
}

/// Runs a libc call that returns -1 and sets errno; retries EINTR.
/// - Parameters:
///   - call: the call's name for the error.
///   - what: what it is about, evaluated only on failure.
///   - body: the call.
/// - Returns: the call's result, never negative.
/// - Throws: `SystemError`.
@discardableResult
public func retrying<Result: FixedWidthInteger & SignedInteger>(
    _ call: String, _ what: @autoclosure () -> String = "", _ body: () -> Result
) throws -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = timber_errno()
        if error != EINTR { throw SystemError(call: call, errno: error, what: what()) }
    }
}

/// Runs one of CTimber's calls, which return -errno; retries EINTR.
/// - Parameters:
///   - call: the call's name for the error.
///   - what: what it is about, evaluated only on failure.
///   - body: the call.
/// - Returns: the call's result, never negative.
/// - Throws: `SystemError`.
@discardableResult
public func checking(_ call: String, _ what: @autoclosure () -> String = "", _ body: () -> Int) throws -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        if result != -Int(EINTR) { throw SystemError(call: call, errno: Int32(truncatingIfNeeded: -result), what: what()) }
    }
}
