internal import Confinement
internal import Errors
internal import Foundation
internal import Synchronization

/// The bytes of `config.json`. The seccomp section is rendered once for each profile and capability set and spliced in: it is most of
/// the file and nearly always the same.
final class BundleConfig: Sendable {
    private struct Key: Hashable {
        var profile: SeccompProfile
        var capabilities: CapabilitySet
    }

    private let rendered = Mutex<[Key: [UInt8]]>([:])

    /// - Parameter seccomp: nil: unconfined.
    func encode(_ spec: RuntimeSpec, seccomp: SeccompProfile?, capabilities: CapabilitySet) throws -> [UInt8] {
        let json = Array(try JSONEncoder().encode(spec))
        guard let seccomp else { return json }
        // Every specification has a `linux` object with members: the section becomes its first one.
        let marker = Array("\"linux\":{".utf8)
        guard let place = json.firstRange(of: marker) else {
            throw TimberError(.internal, "the runtime specification has no linux section")
        }
        let section = try section(seccomp, capabilities)
        return Array(json[..<place.upperBound] + Array("\"seccomp\":".utf8) + section + [UInt8(ascii: ",")] + json[place.upperBound...])
    }

    private func section(_ profile: SeccompProfile, _ capabilities: CapabilitySet) throws -> [UInt8] {
        let key = Key(profile: profile, capabilities: capabilities)
        if let known = rendered.withLock({ $0[key] }) { return known }
        let bytes = try profile.resolved(capabilities: capabilities).ociJSON()
        rendered.withLock { rendered in
            // Profiles come from clients: what is kept is bounded.
            if rendered.count >= 16 { rendered.removeAll() }
            rendered[key] = bytes
        }
        return bytes
    }
}
