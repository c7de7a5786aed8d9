internal import ArgumentParser

/// What shells offer for names; completion runs tctl itself.
extension CompletionKind {
    /// All containers.
    static let containers = CompletionKind.shellCommand("tctl ps -a --format '{{.Names}}' 2>/dev/null")
    /// Containers that run.
    static let runningContainers = CompletionKind.shellCommand("tctl ps --format '{{.Names}}' 2>/dev/null")
    /// Images.
    static let images = CompletionKind.shellCommand("tctl images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null")
    /// Networks.
    static let networks = CompletionKind.shellCommand("tctl network ls --format '{{.Name}}' 2>/dev/null")
    /// Volumes.
    static let volumes = CompletionKind.shellCommand("tctl volume ls -q 2>/dev/null")
    /// Containers and images.
    static let objects = CompletionKind.shellCommand(
        "tctl ps -a --format '{{.Names}}' 2>/dev/null; tctl images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null")
}
