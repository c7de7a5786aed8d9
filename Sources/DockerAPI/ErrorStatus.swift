public import Errors

extension TimberError.Code {
    /// The HTTP status with which Docker answers such a failure.
    public var httpStatus: Int {
        switch self {
        case .invalidArgument, .unsupported, .commandNotFound, .commandNotExecutable: 400
        case .permissionDenied: 403
        case .notFound: 404
        case .conflict: 409
        case .notModified: 304
        case .corrupt, .internal: 500
        case .unavailable: 503
        }
    }
}
