internal import Cgroups
internal import Confinement
internal import Errors
internal import Images
internal import LinuxKernel
internal import Logging
internal import Networks
internal import Registries
internal import State

/// What every container needs from the daemon, made once.
struct Services: Sendable {
    let paths: Paths
    let database: Database
    let images: ImageStore
    let registries: RegistryClient
    let networks: NetworkManager
    let userNetworks: NetworkStore
    let cgroups: CgroupManager
    let seccomp: SeccompCompiler
    let bundles: BundleConfig
    let shim: SealedProgram
    let registry: Registry
    let events: EventHub
    let journal: EventJournal
    let volumes: VolumeStore
    let trash: Trash
    let directories: DirectoryPool
    let log: Logger
    /// The limit of containers that ask for none of their own; nil: the daemon's.
    let descriptors: DescriptorLimit?
    /// `/proc/sys/kernel/random/boot_id`: what an older boot left is not mistaken for what runs now.
    let bootID: String
}
