public import DockerAPI
internal import Errors
public import LinuxKernel

extension Engine {
    /// Prepares a process in a running container.
    public func createExec(container name: String, _ request: ExecCreateRequest) async throws -> IDResponse {
        IDResponse(id: try await container(name).createExec(request))
    }

    /// Starts it without a client.
    public func startExecDetached(_ id: String) async throws {
        let container = try execContainer(id)
        _ = try await toItsEnd { try await container.startExec(id, attached: false, size: nil) }
    }

    /// Starts it and connects a client.
    public func startExecAttached(_ id: String, size: [Int]?) async throws -> (stream: SharedDescriptor, isTerminal: Bool) {
        let container = try execContainer(id)
        guard let stream = try await toItsEnd({ try await container.startExec(id, attached: true, size: size) }) else {
            throw TimberError(.internal, "exec \(id.prefix(12)) has no stream")
        }
        return (stream, try await container.inspectExec(id).processConfig.tty)
    }

    /// Sets the size of its terminal.
    public func resizeExec(_ id: String, rows: Int, columns: Int) async throws {
        try await execContainer(id).resizeExec(id, rows: rows, columns: columns)
    }

    /// What it is doing.
    public func inspectExec(_ id: String) async throws -> ExecInspect {
        try await execContainer(id).inspectExec(id)
    }

    private func execContainer(_ id: String) throws -> Container {
        guard let container = services.registry.container(ofExec: id) else {
            throw TimberError(.notFound, "No such exec instance: \(id.prefix(100))")
        }
        return container
    }
}
