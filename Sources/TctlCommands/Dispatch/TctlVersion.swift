/// The version of this program.
enum TctlVersion {
    static let text = "0.1.0"
}
