/// Which extended attributes travel in archives.
package enum AttributePolicy {
    /// overlayfs's own attributes would let a layer redirect lookups; labels of the machine that built the image mean nothing here.
    package static func isAllowed(_ name: [UInt8], for kind: TarEntry.Kind) -> Bool {
        let text = String(decoding: name, as: UTF8.self)
        if text.hasPrefix("trusted.overlay.") || text.hasPrefix("user.overlay.") { return false }
        if text == "security.capability" { return kind == .file }
        if text.hasPrefix("user.") { return kind == .file || kind == .directory }
        return text.hasPrefix("trusted.") || text == "system.posix_acl_access" || text == "system.posix_acl_default"
    }
}
