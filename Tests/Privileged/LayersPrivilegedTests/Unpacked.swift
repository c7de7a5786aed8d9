import Errors
import Foundation
import Layers
import LinuxKernel
import Tar
import TarBuilder

/// A layer unpacked into a directory of its own, beside a directory that no layer may touch.
final class Unpacked {
    let base: String
    let directory: SharedDescriptor
    let layer: UnpackedLayer

    var path: String { base + "/fs" }

    convenience init(_ tar: TarBuilder, limits: ExtractionLimits = .default) throws {
        try self.init(bytes: tar.archive, limits: limits)
    }

    init(
        bytes: [UInt8], limits: ExtractionLimits = .default, budget: ExtractionBudget? = nil, expecting diffID: Digest? = nil
    ) throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("timber-layer-\(UUID().uuidString)").path
        do {
            try FileManager.default.createDirectory(atPath: base + "/fs", withIntermediateDirectories: true)
            try "canary".write(toFile: base + "/canary", atomically: false, encoding: .utf8)
            let directory = SharedDescriptor(try DirectoryCalls.open(-100, BytePath(base + "/fs"), O_DIRECTORY, resolve: 0))
            layer = try LayerUnpacker(limits: limits, budget: budget).unpack(MemoryReader(bytes), into: directory, expecting: diffID)
            self.directory = directory
            self.base = base
        } catch {
            // Even a layer that is refused must not have touched anything outside.
            precondition(Self.canaryIsUntouched(base), "the canary was touched")
            try? FileManager.default.removeItem(atPath: base)
            throw error
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: base)
    }

    var canaryIsUntouched: Bool { Self.canaryIsUntouched(base) }

    private static func canaryIsUntouched(_ base: String) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
        let links = (try? DirectoryCalls.status(-100, BytePath(base + "/canary")))??.links
        return Set(names) == ["fs", "canary"] && links == 1
            && (try? String(contentsOfFile: base + "/canary", encoding: .utf8)) == "canary"
    }

    func status(_ name: String) throws -> FileStatus? {
        try DirectoryCalls.status(-100, BytePath(path + "/" + name))
    }

    func content(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    func attribute(_ file: String, _ name: String) throws -> [UInt8]? {
        let descriptor = try DirectoryCalls.open(-100, BytePath(path + "/" + file), O_RDONLY, resolve: 0)
        return try FileMetadata.attribute(descriptor.raw, BytePath(name))
    }

    func isOpaque(_ name: String) throws -> Bool {
        try attribute(name, "trusted.overlay.opaque") == Array("y".utf8)
    }

    /// Every name below the layer's root, sorted.
    func names() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
    }
}

/// The error of a layer that must be refused.
func refusal(_ tar: TarBuilder, limits: ExtractionLimits = .default) -> TimberError? {
    refusal(bytes: tar.archive, limits: limits)
}

func refusal(bytes: [UInt8], limits: ExtractionLimits = .default, budget: ExtractionBudget? = nil) -> TimberError? {
    do {
        _ = try Unpacked(bytes: bytes, limits: limits, budget: budget)
        return nil
    } catch {
        return error as? TimberError
    }
}
