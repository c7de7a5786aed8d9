import DockerAPI
import Errors
import Foundation
import Glibc
import LinuxKernel

/// A blocking client that sends exactly the bytes it is told to. For one sending and one receiving thread.
final class RawClient: @unchecked Sendable {
    struct Answer: Sendable {
        var status = 0
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// The body's last chunk, or all of its announced bytes, came.
        var complete = false

        var text: String { String(decoding: body, as: UTF8.self) }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body))
        }

        /// The message of an error in Docker's shape.
        var message: String {
            get throws { try decode(ErrorResponse.self).message }
        }
    }

    enum Failure: Error { case timedOut, closed, malformed(String) }

    private let socket: Descriptor
    private var buffer: [UInt8] = []
    private var ended = false

    init(_ path: String) throws {
        socket = Descriptor(owning: try retrying("socket") { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let number = socket.raw
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = try retrying("connect", path) { connect(number, address, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
    }

    func send(_ text: String) throws {
        try writeAll(socket.raw, Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) throws {
        try writeAll(socket.raw, bytes)
    }

    /// Ends this direction only.
    func endSending() {
        shutdown(socket.raw, Int32(SHUT_WR))
    }

    private func fill(_ seconds: Double) throws {
        var poller = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        guard try retrying("poll", "", { poll(&poller, 1, Int32(seconds * 1_000)) }) > 0 else { throw Failure.timedOut }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = try retrying("recv") { recv(socket.raw, &bytes, bytes.count, 0) }
        if count == 0 { ended = true }
        buffer.append(contentsOf: bytes[..<count])
    }

    /// The next bytes, exactly so many.
    func receive(_ count: Int, timeout: Double = patience) throws -> [UInt8] {
        while buffer.count < count {
            if ended { throw Failure.closed }
            try fill(timeout)
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// What is there now, or comes next.
    func receiveOnce() throws -> [UInt8] {
        if buffer.isEmpty { try fill(patience) }
        defer { buffer = [] }
        return buffer
    }

    /// Everything until the server ends.
    func receiveToEnd(timeout: Double = patience) throws -> [UInt8] {
        while !ended { try fill(timeout) }
        defer { buffer = [] }
        return buffer
    }

    private func line(_ timeout: Double) throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end].filter { $0 != 13 }, as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            if ended { throw Failure.closed }
            try fill(timeout)
        }
    }

    /// Status and headers.
    func head(timeout: Double = patience) throws -> Answer {
        var answer = Answer()
        let status = try line(timeout).split(separator: " ")
        guard status.count >= 2, status[0] == "HTTP/1.1", let number = Int(status[1]) else { throw Failure.malformed("\(status)") }
        answer.status = number
        while true {
            let header = try line(timeout)
            if header.isEmpty { return answer }
            let parts = header.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw Failure.malformed(header) }
            answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
    }

    /// The next chunk of a chunked body; nil at its end.
    func chunk(timeout: Double = patience) throws -> [UInt8]? {
        let text = try line(timeout)
        guard let size = Int(text, radix: 16) else { throw Failure.malformed(text) }
        if size == 0 {
            guard try line(timeout).isEmpty else { throw Failure.malformed("trailer") }
            return nil
        }
        let bytes = try receive(size, timeout: timeout)
        guard try line(timeout).isEmpty else { throw Failure.malformed("chunk end") }
        return bytes
    }

    /// A whole answer.
    func answer(timeout: Double = patience, hasBody: Bool = true) throws -> Answer {
        var answer = try head(timeout: timeout)
        if answer.status == 204 || answer.status == 304 || !hasBody {
            answer.complete = true
        } else if answer.headers["transfer-encoding"] == "chunked" {
            while let chunk = try chunk(timeout: timeout) { answer.body += chunk }
            answer.complete = true
        } else if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
            answer.body = try receive(length, timeout: timeout)
            answer.complete = true
        } else {
            answer.body = try receiveToEnd(timeout: timeout)
        }
        return answer
    }

    /// A request and its answer.
    func request(_ method: String, _ target: String, json: String? = nil, headers: [String] = []) throws -> Answer {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: docker\r\n"
        for header in headers { text += header + "\r\n" }
        if let json { text += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
        try send(text + "\r\n" + (json ?? ""))
        return try answer(hasBody: method != "HEAD")
    }
}
