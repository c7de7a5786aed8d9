internal import AsyncHTTPClient
internal import Errors
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1

/// What a registry answered instead of what was asked for (distribution-spec, "Error Codes").
struct Answer {
    let status: Int
    let code: String
    let message: String
    private let retryAfter: String?

    private struct Wire: Decodable {
        struct Item: Decodable {
            var code: String?
            var message: String?
        }
        var errors: [Item]?
    }

    init(_ response: HTTPClientResponse, _ body: [UInt8]) {
        status = Int(response.status.code)
        retryAfter = response.headers.first(name: "Retry-After")
        // What is no error document has nothing to say.
        let item = (try? JSONDecoder().decode(Wire.self, from: Data(body)))?.errors?.first
        code = Self.printable(item?.code ?? "")
        message = Self.printable(item?.message ?? "")
    }

    /// The registry's words, at most 300 characters, on one line.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.prefix(300).map { $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0) })
    }

    /// `denied: requested access to the resource is denied`, or the status.
    var words: String {
        let parts = [code.lowercased().replacing("_", with: " "), message].filter { !$0.isEmpty }
        return parts.isEmpty ? "HTTP status \(status)" : parts.joined(separator: ": ")
    }

    /// As an error.
    func failure(_ what: String) -> TimberError {
        switch status {
        case 401, 403: TimberError(.permissionDenied, "\(what): \(words)")
        case 404: TimberError(.notFound, "\(what): \(words)")
        case 429:
            TimberError(
                .unavailable,
                "\(what): the registry's limit of requests is reached (\(words)): log in, or try again \(retryAfter.map { "after \(Self.printable($0)) s" } ?? "later")"
            )
        case 400..<500: TimberError(.invalidArgument, "\(what): \(words)")
        default: TimberError(.unavailable, "\(what): \(words)")
        }
    }

    /// Reads a whole body.
    /// - Throws: `TimberError.unavailable` when it is longer than `limit`; `Unreachable` when it breaks off.
    static func body(_ response: HTTPClientResponse, limit: Int, what: String, _ origin: WebAddress.Origin) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await piece in response.body {
                if bytes.count + piece.readableBytes > limit {
                    throw TimberError(.unavailable, "\(what) has more than the limit of \(limit) bytes")
                }
                bytes += piece.readableBytesView
            }
        } catch let error as TimberError {
            throw error
        } catch {
            throw Transport.failure(error, origin)
        }
        return bytes
    }
}

/// When to ask again.
enum Retry {
    private static let longest = 30.0

    /// How long to wait before the next try; longer each time, never the same for two clients.
    static func pause(attempt: Int) -> Duration {
        .seconds(min(longest, 0.2 * Double(1 << min(attempt, 8))) * Double.random(in: 0.5...1))
    }

    /// How long an answer makes us wait; nil: it is final.
    static func pause(after response: HTTPClientResponse, attempt: Int) -> Duration? {
        switch response.status.code {
        case 429, 503:
            guard let text = response.headers.first(name: "Retry-After") else { return pause(attempt: attempt) }
            guard let seconds = Double(text), seconds >= 0 else { return pause(attempt: attempt) }
            // Who wants us to wait for minutes gets no wait but an error that says so.
            return seconds <= longest ? .seconds(seconds) : nil
        case 500, 502, 504: return pause(attempt: attempt)
        default: return nil
        }
    }
}
