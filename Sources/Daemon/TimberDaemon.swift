internal import APIServer
public import ArgumentParser
internal import CTimber
internal import DockerAPI
internal import Engine
internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Logging

/// The command line of timberd.
public struct TimberDaemon: AsyncParsableCommand {
    /// Name and help.
    public static let configuration = CommandConfiguration(
        commandName: "timberd", abstract: "The Timber container daemon.",
        discussion: """
            Serves the Docker Engine API on a Unix socket. Containers go on when it stops, and are taken over when it starts again.

            EXAMPLES:
              timberd
              timberd --data-dir /srv/timber --socket /run/timber/timberd.sock
              timberd --validate --config /etc/timber/timberd.json
            """,
        version: TimberVersion.text)

    @Option(help: ArgumentHelp("Configuration file, JSON with comments.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where images, containers and state are kept. (default: /var/lib/timber)", valueName: "directory"))
    var dataDir: String?

    @Option(help: ArgumentHelp("Where running containers have their sockets. (default: /run/timber)", valueName: "directory"))
    var runDir: String?

    @Option(help: ArgumentHelp("The API's Unix socket. (default: RUN-DIR/timberd.sock)", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("The group that may use the socket. (default: timber)", valueName: "name"))
    var group: String?

    @Option(help: ArgumentHelp("The containers' bridge, at most 15 bytes. (default: timber0)", valueName: "name"))
    var bridge: String?

    @Option(help: ArgumentHelp("The bridge's subnet. (default: the first that collides with nothing)", valueName: "cidr"))
    var bridgeSubnet: String?

    @Option(help: ArgumentHelp("The cgroup of the containers' cgroups. (default: timber.slice/containers, or timber)", valueName: "path"))
    var cgroupParent: String?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("How to reach registries, JSON. (default: /etc/timber/registries.json, if it is there)", valueName: "file"))
    var registries: String?

    @Flag(help: "Check the configuration and exit.")
    var validate = false

    @Flag(help: "Remove the bridge, the nftables table and settings that timberd made, and exit. Containers must be stopped.")
    var cleanNetwork = false

    /// Made by the argument parser.
    public init() {}

    /// Runs until SIGTERM or SIGINT. SIGHUP: the configuration is read again.
    public func run() async throws {
        do {
            let settings = try Settings.resolve(file: config, flags: flags)
            if validate {
                print("the configuration is valid")
                return
            }
            try await serve(settings)
        } catch let error as TimberError {
            FileHandle.standardError.write(Data("timberd: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    private var flags: SettingsFile {
        SettingsFile(
            dataDir: dataDir, runDir: runDir, socket: socket, group: group, bridge: bridge, bridgeSubnet: bridgeSubnet,
            cgroupParent: cgroupParent, logLevel: logLevel, registries: registries)
    }

    private func serve(_ settings: Settings) async throws {
        guard geteuid() == 0 else {
            throw TimberError(.permissionDenied, "timberd must run as root: start it with sudo or as a systemd service")
        }
        ProcessMemory.configure()
        let log = Log.make(level: settings.logLevel)
        signal(SIGPIPE, SIG_IGN)
        // /etc/hosts and its like must be readable in the container, whatever mask the daemon was started with.
        umask(0o022)
        let signals = Signals()
        var configuration = settings.engine
        do {
            configuration.descriptors = try DescriptorLimit.raise()
        } catch {
            log.warning("cannot raise the limit of descriptors", metadata: ["error": "\(error)"])
        }
        let engine = try Engine(configuration, log: log)
        if cleanNetwork { return try await engine.cleanNetwork() }
        let passed = try SystemdSocket.take()
        let listener = try passed ?? OwnedOnce(ListeningSocket.make(path: settings.socket, group: settings.group, log: log))
        // systemd goes on listening on a socket that it passed.
        let file = try passed == nil ? ListeningSocket.identity(of: settings.socket) : nil
        defer { if let file { ListeningSocket.remove(path: settings.socket, identity: file, log: log) } }
        ServiceManager.notify("STATUS=Taking over what runs")
        try await engine.recover()
        await engine.startContainers()
        let giveBack: @Sendable () -> Void = {
            do {
                try ProcessMemory.giveBack()
            } catch {
                log.warning("cannot give memory back", metadata: ["error": "\(error)"])
            }
        }
        giveBack()
        var serverConfiguration = Self.serverConfiguration
        serverConfiguration.whenIdle = { Task.detached { try await BlockingPool.shared.run(giveBack) } }
        let server = APIServer(backend: EngineBackend(engine: engine), log: log, configuration: serverConfiguration)
        log.notice(
            "serving", metadata: ["socket": "\(settings.socket)", "version": "\(TimberVersion.text)", "data": "\(settings.dataDirectory)"])
        ServiceManager.notify("READY=1\nSTATUS=Serving \(settings.socket)")
        let reload = Reload(file: config, flags: flags, running: settings.said, log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run(listening: try listener.take()) }
            group.addTask {
                await Self.follow(signals, socket: settings.socket, reload, log)
                ServiceManager.notify("STOPPING=1")
                server.shutdown()
            }
            if let watchdog = ServiceManager.watchdog {
                // It runs out only when two of them in a row have not come.
                let heartbeat = Heartbeat(engine: engine, interval: watchdog / 3, socket: settings.socket, log: log)
                group.addTask { await heartbeat.run() }
            }
            try await group.next()
            group.cancelAll()
        }
        await engine.shutDown()
        log.notice("stopped")
    }

    /// Does what signals say until one of them says stop.
    private static func follow(_ signals: Signals, socket: String, _ reload: Reload, _ log: Logger) async {
        var reload = reload
        for await signal in signals.stream {
            switch signal {
            case .stop(let name): return log.notice("stopping; containers go on", metadata: ["signal": "\(name)"])
            case .reload: ServiceManager.notify("STATUS=Serving \(socket); \(reload.perform())")
            }
        }
    }

    /// Clients get half of the descriptors that the process may have; the containers' sockets and files need the others.
    private static var serverConfiguration: APIServer.Configuration {
        var configuration = APIServer.Configuration()
        configuration.version = TimberVersion.text
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            configuration.maximumConnections = min(configuration.maximumConnections, Int(clamping: limit.rlim_cur / 2))
        }
        return configuration
    }
}
