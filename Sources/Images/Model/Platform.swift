internal import Errors

/// What an image runs on, in the words of image indexes: `linux/arm64/v8`.
public struct ImagePlatform: Sendable, Equatable, CustomStringConvertible {
    /// `linux`.
    public let os: String
    /// `amd64`, `arm64`.
    public let architecture: String
    /// `v7`; nil: any.
    public let variant: String?

    /// Makes one.
    public init(os: String, architecture: String, variant: String?) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// This machine.
    public static let host = ImagePlatform(os: "linux", architecture: HostPlatform.architecture, variant: nil)

    /// `linux/amd64`.
    public var description: String { "\(os)/\(architecture)" + (variant.map { "/" + $0 } ?? "") }
}

/// The platform that this program runs on.
enum HostPlatform {
    #if arch(x86_64)
        static let architecture = "amd64"
    #elseif arch(arm64)
        static let architecture = "arm64"
    #else
        static let architecture = "unknown"
    #endif
}

extension ImagePlatform {
    /// The entry of an index for this platform.
    /// - Throws: `TimberError.invalidArgument` that lists what there is.
    func choose(_ descriptors: [ContentDescriptor], what: String) throws -> ContentDescriptor {
        let images = descriptors.filter { !$0.isAttestation }
        let matches = images.filter { descriptor in
            descriptor.platform?.os == os && descriptor.platform?.architecture == architecture
                && (variant == nil || descriptor.platform?.variant == variant)
        }
        if let match = matches.first { return match }
        if images.count == 1, let only = images.first, only.platform == nil { return only }
        let platforms = images.map { $0.platform.map { "\($0.os)/\($0.architecture)" + ($0.variant.map { "/" + $0 } ?? "") } ?? "unknown" }
        let listed = platforms.isEmpty ? "none" : platforms.prefix(20).joined(separator: ", ")
        throw TimberError(.invalidArgument, "\(what) has no image for \(self), only: \(listed)")
    }
}
