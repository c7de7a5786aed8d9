public import Layers

/// How far a load has come; reported from several threads.
public enum LoadProgress: Sendable, Equatable {
    /// Bytes of the archive so far.
    case receiving(bytes: Int64)
    /// Bytes of a layer's blob that have been unpacked.
    case unpacking(layer: Digest, done: Int64, total: Int64)
    /// A layer is complete.
    case unpacked(layer: Digest)
    /// A layer was there already.
    case exists(layer: Digest)
}

/// One image that was loaded.
public struct LoadedImage: Sendable, Equatable {
    /// Its id.
    public let id: ImageID
    /// Its names in the archive, in their familiar form; may be empty.
    public let references: [String]
    /// Which of these names another image had before.
    public let replaced: [String: ImageID]
}
