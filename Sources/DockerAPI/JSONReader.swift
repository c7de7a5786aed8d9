public import Errors
internal import FoundationEssentials

/// Reads JSON that came over the wire.
/// - Parameters:
///   - type: what to read.
///   - bytes: the whole text.
/// - Throws: `TimberError.invalidArgument` that says which key is wrong.
public func decodeJSON<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(TimberError) -> Value {
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
        throw TimberError(.invalidArgument, "invalid JSON: \(describe(error))")
    } catch {
        throw TimberError(.invalidArgument, "invalid JSON", cause: error)
    }
}

private func describe(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted(let context) where context.codingPath.isEmpty: "the text is not JSON"
    case .dataCorrupted(let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
        "\(path(context)) has an impossible value"
    case .typeMismatch(let expected, let context): "\(path(context)) must be a \(name(expected))"
    @unknown default: "the text does not have the expected shape"
    }
}

private func path(_ context: DecodingError.Context) -> String {
    guard !context.codingPath.isEmpty else { return "the text" }
    return context.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }.joined(separator: ".")
}

private func name(_ type: Any.Type) -> String {
    switch type {
    case is String.Type: "string"
    case is Bool.Type: "true or false"
    case is any FixedWidthInteger.Type: "whole number"
    case is any Collection.Type: "list or map"
    default: "\(type)"
    }
}
