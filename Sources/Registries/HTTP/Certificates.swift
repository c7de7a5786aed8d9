internal import Errors
internal import LinuxKernel
internal import NIOSSL

/// Which certificates a registry is believed with, and which we show it: the directory `certs.d/<host:port>`.
struct Certificates: Sendable {
    /// nil: there is no directory for the registry.
    let configuration: TLSConfiguration?

    /// Reads a registry's directory.
    /// - Throws: `TimberError.invalidArgument` that names the file. A missing directory is no error.
    init(directory: String, of registry: RegistryName) throws {
        // The name has passed the grammar of image names: it has no slash and is not "..".
        let directory = "\(directory)/\(registry.name)"
        guard Files.isDirectory(directory) == true else {
            configuration = nil
            return
        }
        do {
            let folder = try Files.directory(directory)
            let names = try DirectoryCalls.names(in: folder.raw).map(\.description).sorted()
            var result = TLSConfiguration.makeClientConfiguration()
            var authorities: [NIOSSLCertificate] = []
            for name in names where name.hasSuffix(".crt") {
                authorities += try Self.reading("\(directory)/\(name)") { try NIOSSLCertificate.fromPEMFile($0) }
            }
            if !authorities.isEmpty { result.additionalTrustRoots = [.certificates(authorities)] }
            for name in names where name.hasSuffix(".cert") {
                let key = "\(directory)/\(name.dropLast(5)).key"
                result.certificateChain = try Self.reading("\(directory)/\(name)") {
                    try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) }
                }
                result.privateKey = .privateKey(try Self.reading(key) { try NIOSSLPrivateKey(file: $0, format: .pem) })
            }
            configuration = result
        } catch let error as SystemError {
            throw TimberError(.invalidArgument, "cannot read the certificates of \(registry.name)", cause: error)
        }
    }

    /// Encrypts, and believes anybody.
    static var unverified: TLSConfiguration {
        var result = TLSConfiguration.makeClientConfiguration()
        result.certificateVerification = .none
        return result
    }

    private static func reading<Value>(_ path: String, _ body: (String) throws -> Value) throws -> Value {
        do {
            return try body(path)
        } catch {
            throw TimberError(.invalidArgument, "cannot use \(path): it is no PEM file that this program reads", cause: error)
        }
    }
}
