// swift-tools-version: 6.0
import PackageDescription

// Arrows point down only: executables → Engine / APIServer → Images, Layers, Networks, … → LinuxKernel → CTimber.
// docs/architecture.md draws it; a target lists every module it imports, so the compiler checks the direction.

/// Swift settings of every ordinary target; `.ci/run` adds `-warnings-as-errors` for our own targets by TIMBER_STRICT=1.
let strict = Context.environment["TIMBER_STRICT"] == "1"
let swift: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault")]
    + (strict ? [.unsafeFlags(["-warnings-as-errors"])] : [])

/// The shim is Embedded Swift: no runtime, no Foundation, whole-module, static. See docs/adr/0002-embedded-shim.md.
let embedded: [SwiftSetting] = [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-Osize", "-Xcc", "-D_GNU_SOURCE"] + (strict ? ["-warnings-as-errors"] : [])),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

func tests(_ name: String, tier: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(tier)/\(name)", swiftSettings: swift)
}

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "timber",
    products: [
        .executable(name: "timberd", targets: ["timberd"]),
        .executable(name: "tctl", targets: ["tctl"]),
        .executable(name: "timber-shim", targets: ["timber-shim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // C that Swift cannot call, and system libraries.
        .target(name: "CTimber"),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(name: "CIsal", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        // Leaves.
        library("Errors"),
        library("LinuxKernel", ["CTimber"]),
        library("DockerAPI", ["Errors"]),

        // One noun each.
        library("Confinement", ["CSeccomp", "CCap", "Errors", "LinuxKernel"]),
        library("Cgroups", ["Errors", "LinuxKernel"]),
        library("Networks", ["Errors", "LinuxKernel", "CTimber"]),
        library("State", ["Errors", .product(name: "GRDB", package: "GRDB.swift")]),
        library("Tar", ["CTimber", "Errors", "LinuxKernel"]),
        library("Layers", ["Tar", "CIsal", "CZstd", "Errors", "LinuxKernel", crypto]),
        library(
            "Registries",
            [
                "Layers", "Errors", "LinuxKernel", log, .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        library("Images", ["Registries", "Layers", "Tar", "State", "Errors", "LinuxKernel", crypto, log]),

        // What ties them together.
        library(
            "Engine",
            [
                "Images", "Registries", "Layers", "Tar", "Networks", "Cgroups", "Confinement", "State", "DockerAPI", "LinuxKernel",
                "CTimber", "Errors",
                log,
            ]
        ),
        library(
            "APIServer",
            [
                "DockerAPI", "Errors", "LinuxKernel", "CTimber", crypto, log,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        library("TctlCommands", ["DockerAPI", "Tar", "Errors", "LinuxKernel", arguments]),

        library("Daemon", ["APIServer", "Engine", "Registries", "DockerAPI", "LinuxKernel", "CTimber", "Errors", arguments, log]),

        // Thin mains.
        .executableTarget(
            name: "timberd",
            dependencies: ["Daemon"],
            swiftSettings: swift,
            linkerSettings: [
                .unsafeFlags(["-static-stdlib"]),
                .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"), .linkedLibrary("_FoundationCShims"),
                .linkedLibrary("_FoundationCollections"), .linkedLibrary("swiftSynchronization"),
            ]
        ),
        .executableTarget(
            name: "tctl",
            dependencies: ["TctlCommands"],
            swiftSettings: swift,
            linkerSettings: [
                .unsafeFlags(["-static-executable"]),
                .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"), .linkedLibrary("swiftSynchronization"),
            ]
        ),
        .executableTarget(
            name: "timber-shim",
            dependencies: ["CTimber"],
            swiftSettings: embedded,
            linkerSettings: [.unsafeFlags(["-static-executable"])]
        ),

        // Unit tier: pure values, no root. Privileged tier: mounts, namespaces, cgroups, netlink, no daemon; needs root.
        // (Integration tier: Tests/Integration, pytest against real executables.)
        tests("LinuxKernelTests", tier: "Unit", ["Errors", "LinuxKernel", "CTimber"]),
        .target(name: "TarBuilder", path: "Tests/Support/TarBuilder", swiftSettings: swift),
        tests("LayersTests", tier: "Unit", ["Layers", "Tar", "Errors", "LinuxKernel", "TarBuilder"]),
        tests("ImagesTests", tier: "Unit", ["Images", "Layers", "State", "Errors", "LinuxKernel", "TarBuilder", log]),
        tests("RegistriesTests", tier: "Unit", ["Registries", "Errors", "LinuxKernel"]),
        tests("StateTests", tier: "Unit", ["State", "Errors"]),
        tests("NetworksTests", tier: "Unit", ["Networks", "Errors", "LinuxKernel", "CTimber"]),
        tests("CgroupsTests", tier: "Unit", ["Cgroups", "Errors", "LinuxKernel"]),
        tests("ConfinementTests", tier: "Unit", ["Confinement", "CSeccomp", "Errors", "LinuxKernel"]),
        tests("DockerAPITests", tier: "Unit", ["DockerAPI", "Errors"]),
        tests(
            "APIServerTests", tier: "Unit",
            ["APIServer", "DockerAPI", "Errors", "LinuxKernel", log, .product(name: "NIOCore", package: "swift-nio")]),
        tests("TctlTests", tier: "Unit", ["TctlCommands", "DockerAPI", "Errors", "LinuxKernel", arguments]),
        tests("DaemonTests", tier: "Unit", ["Daemon", "Errors"]),
        tests("EngineTests", tier: "Unit", ["Engine", "DockerAPI", "Layers", "LinuxKernel", "Errors", "State", log]),
        tests("NetworksPrivilegedTests", tier: "Privileged", ["Networks", "Errors", "LinuxKernel", "CTimber"]),
        .target(name: "TestChildren", path: "Tests/Support/TestChildren"),
        tests(
            "CgroupsPrivilegedTests", tier: "Privileged", ["Cgroups", "Confinement", "Errors", "LinuxKernel", "CTimber", "TestChildren"]),
        tests("LayersPrivilegedTests", tier: "Privileged", ["Layers", "Tar", "Errors", "LinuxKernel", "CTimber", "TarBuilder"]),
        tests(
            "ImagesPrivilegedTests", tier: "Privileged", ["Images", "Layers", "State", "Errors", "LinuxKernel", "TarBuilder", log]),
        tests("ShimPrivilegedTests", tier: "Privileged", ["LinuxKernel", "Errors", "CTimber"]),
    ],
    swiftLanguageModes: [.v6]
)
