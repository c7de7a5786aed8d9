public import DockerAPI
internal import Errors
internal import Images
internal import Layers
internal import LinuxKernel
internal import Registries

extension Engine {
    /// Fetches an image from its registry.
    /// - Parameters:
    ///   - name: with a tag or a digest; with neither, every tag.
    ///   - platform: `os[/architecture[/variant]]`; nil: this machine's.
    ///   - credentials: who asks.
    ///   - progress: called in order.
    public func pullImage(
        _ name: String, platform: String?, credentials: AuthConfig?,
        progress: @escaping @Sendable (ProgressMessage) async throws -> Void
    ) async throws {
        let reference = try Reference(parsing: name)
        let parts = try Platform.parts(platform)
        let wanted = ImagePlatform(os: "linux", architecture: parts.architecture, variant: parts.variant)
        let repository = try services.registries.repository(reference.domain, reference.path, credentials: credentials?.credentials)
        var references = [reference]
        if reference.tag == nil && reference.digest == nil {
            references = try await repository.tags().map { try Reference(parsing: "\(reference.repository):\($0)") }
            if references.isEmpty { throw TimberError(.notFound, "repository \(reference.familiarRepository) has no tags") }
        }
        for reference in references {
            try await pulls.runUnlessCancelled { try await pull(reference, wanted, repository, progress) }
        }
    }

    private func pull(
        _ reference: Reference, _ platform: ImagePlatform, _ repository: Repository,
        _ progress: @escaping @Sendable (ProgressMessage) async throws -> Void
    ) async throws {
        let images = services.images
        let pulled = try await reporting(PullMessages(reference: reference), progress) { report in
            try await images.pull(reference, platform: platform, from: repository, progress: report)
        }
        tellOfImage("pull", pulled.id, name: reference.familiar)
        try await progress(ProgressMessage(status: "Digest: \(pulled.digest)"))
        let what = pulled.isUpToDate ? "Image is up to date" : "Downloaded newer image"
        try await progress(ProgressMessage(status: "Status: \(what) for \(reference.familiar)"))
    }

    /// Sends an image to its registry.
    /// - Parameters:
    ///   - name: without a tag.
    ///   - tag: nil: all tags of the repository.
    ///   - credentials: who sends.
    ///   - progress: called in order.
    public func pushImage(
        _ name: String, tag: String?, credentials: AuthConfig?, progress: @escaping @Sendable (ProgressMessage) async throws -> Void
    ) async throws {
        let reference = try Reference(parsing: tag.map { "\(name):\($0)" } ?? name)
        if reference.digest != nil { throw TimberError(.invalidArgument, "cannot push a digest reference: give a tag") }
        var references = [reference]
        if reference.tag == nil {
            references = services.images.list().flatMap(\.tags).filter { $0.repository == reference.repository }
            if references.isEmpty {
                throw TimberError(.notFound, "An image does not exist locally with the tag: \(reference.familiarRepository)")
            }
        }
        for reference in references { _ = try services.images.image(reference.description) }
        let repository = try services.registries.repository(reference.domain, reference.path, credentials: credentials?.credentials)
        try await progress(ProgressMessage(status: "The push refers to repository [\(reference.repository)]"))
        let images = services.images
        for reference in references.sorted(by: { $0.description < $1.description }) {
            let pushed = try await pulls.runUnlessCancelled {
                try await reporting(PushMessages(), progress) { report in
                    try await images.push(reference, to: repository, progress: report)
                }
            }
            tellOfImage("push", pushed.id, name: reference.familiar)
            let tag = reference.tag ?? ""
            try await progress(ProgressMessage(status: "\(tag): digest: \(pushed.digest) size: \(pushed.size)"))
            var last = ProgressMessage(progressDetail: ProgressDetail())
            last.aux = PushResult(tag: tag, digest: pushed.digest.description, size: pushed.size)
            try await progress(last)
        }
    }

    /// What a registry has under a name.
    public func inspectDistribution(_ name: String, credentials: AuthConfig?) async throws -> DistributionInspect {
        let reference = try Reference(parsing: name).taggedLatest
        let repository = try services.registries.repository(reference.domain, reference.path, credentials: credentials?.credentials)
        let found = try await services.images.describe(reference, in: repository)
        var answer = DistributionInspect()
        answer.descriptor.mediaType = found.mediaType
        answer.descriptor.digest = found.digest.description
        answer.descriptor.size = Int64(found.size)
        answer.platforms = found.platforms.map {
            var platform = DistributionPlatform()
            (platform.architecture, platform.os, platform.variant) = ($0.architecture, $0.os, $0.variant ?? "")
            return platform
        }
        return answer
    }

    /// Tries a name and a password.
    /// - Throws: `TimberError.permissionDenied` when the registry does not take them.
    public func login(_ credentials: AuthConfig) async throws -> AuthResponse {
        guard let known = credentials.credentials else {
            throw TimberError(.invalidArgument, "cannot log in without a user name and a password")
        }
        try await services.registries.login(to: try RegistryAddress.name(credentials.serveraddress), known)
        var answer = AuthResponse()
        answer.status = "Login Succeeded"
        return answer
    }

    /// Runs a transfer whose steps become messages; a client that reads slowly misses some.
    func reporting<Step: Sendable, Value: Sendable>(
        _ messages: some StepMessages<Step>, _ progress: @escaping @Sendable (ProgressMessage) async throws -> Void,
        _ body: (@escaping @Sendable (Step) -> Void) async throws -> Value
    ) async throws -> Value {
        let (steps, continuation) = AsyncStream.makeStream(of: Step.self, bufferingPolicy: .bufferingNewest(256))
        let reporter = Task {
            for await step in steps {
                for message in messages.messages(step) { try await progress(message) }
            }
        }
        do {
            let value = try await body { continuation.yield($0) }
            continuation.finish()
            _ = await reporter.result
            return value
        } catch {
            continuation.finish()
            reporter.cancel()
            throw error
        }
    }
}

extension AuthConfig {
    /// In the registry client's words; nil: nobody.
    var credentials: Credentials? {
        if !identitytoken.isEmpty { return Credentials(identityToken: identitytoken) }
        return username.isEmpty && password.isEmpty ? nil : Credentials(user: username, password: password)
    }
}

/// Says the steps of a transfer in Docker's stream format.
protocol StepMessages<Step>: Sendable {
    associatedtype Step
    /// What a client hears of a step.
    func messages(_ step: Step) -> [ProgressMessage]
}

/// Progress of a pull.
private struct PullMessages: StepMessages {
    let reference: Reference

    func messages(_ step: PullProgress) -> [ProgressMessage] {
        func message(_ layer: Digest, _ status: String, _ detail: ProgressDetail = ProgressDetail()) -> [ProgressMessage] {
            [ProgressMessage(status: status, progressDetail: detail, id: layer.short)]
        }
        switch step {
        case .layers(let layers):
            var seen: Set<Digest> = []
            let id = reference.digest.map(\.description) ?? reference.tag ?? ""
            return [ProgressMessage(status: "Pulling from \(reference.path)", id: id)]
                + layers.filter { seen.insert($0).inserted }.flatMap { message($0, "Pulling fs layer") }
        case .downloading(let layer, let done, let total) where done < total:
            return message(layer, "Downloading", ProgressDetail(current: done, total: total))
        case .downloading(let layer, _, _): return message(layer, "Download complete")
        case .extracting(let layer, let done, let total): return message(layer, "Extracting", ProgressDetail(current: done, total: total))
        case .complete(let layer): return message(layer, "Pull complete")
        case .exists(let layer): return message(layer, "Already exists")
        }
    }
}

/// Progress of a push.
private struct PushMessages: StepMessages {
    func messages(_ step: PushProgress) -> [ProgressMessage] {
        func message(_ layer: Digest, _ status: String, _ detail: ProgressDetail = ProgressDetail()) -> [ProgressMessage] {
            [ProgressMessage(status: status, progressDetail: detail, id: layer.short)]
        }
        return switch step {
        case .layers(let layers): layers.reversed().flatMap { message($0, "Preparing") }
        case .pushing(let layer, let done, let total): message(layer, "Pushing", ProgressDetail(current: done, total: total))
        case .pushed(let layer): message(layer, "Pushed")
        case .exists(let layer): message(layer, "Layer already exists")
        case .mounted(let layer, let from): message(layer, "Mounted from \(from)")
        }
    }
}

/// A registry as clients write it when they log in.
private enum RegistryAddress {
    /// `https://index.docker.io/v1/` is Docker's name for its own; others are a host, perhaps as an address.
    static func name(_ text: String) throws -> String {
        var rest = Substring(text)
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let host = rest.prefix { $0 != "/" }
        if host.isEmpty || host == "index.docker.io" || host == "registry-1.docker.io" { return "docker.io" }
        // The grammar of image names decides what a registry may be called.
        let reference = try Reference(parsing: "\(host)/x")
        guard reference.domain == host else { throw TimberError(.invalidArgument, "\"\(host.prefix(200))\" is no name of a registry") }
        return reference.domain
    }
}
