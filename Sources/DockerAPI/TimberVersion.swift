/// The version of Timber: of its programs, and of the package that they come in.
public enum TimberVersion {
    /// Three numbers, with dots.
    public static let text = "0.1.0"
}
