// swift-tools-version: 6.2
import PackageDescription

// Every target of our own is Swift 6 with warnings as errors.
let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let strictC: [CSetting] = [.treatAllWarnings(as: .error)]

/// A C library that Debian ships: a module map over its headers and nothing else.
func system(_ name: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

/// A first-party plugin: sees the SDK and nothing of the host. Its manifest is a C file, for its ELF section.
func plugin(_ name: String) -> [Target] {
    [
        .target(
            name: "\(name)Manifest", dependencies: [.product(name: "CTimmyBot", package: "sdk")],
            path: "Plugins/\(name)/Manifest", cSettings: strictC),
        .target(
            name: name,
            dependencies: [.product(name: "TimmyKit", package: "sdk"), .target(name: "\(name)Manifest")],
            path: "Plugins/\(name)/Sources",
            swiftSettings: strict,
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "-z", "-Xlinker", "nodelete",
                    "-Xlinker", "--version-script=\(Context.packageDirectory)/sdk/plugin.map",
                ])
            ]
        ),
    ]
}

let nio: [Target.Dependency] = [
    .product(name: "NIOFoundationCompat", package: "swift-nio"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOWebSocket", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let http: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let pluginABI: Target.Dependency = .product(name: "CTimmyBot", package: "sdk")

// Arrows run downwards only: docs/ARCHITECTURE.md says why.
let ground: [Target] = [
    system("COpus", apt: "libopus-dev"),
    system("CSodium", apt: "libsodium-dev"),
    system("COpenSSL", apt: "libssl-dev"),
    system("CFFI", apt: "libffi-dev"),
    system("CLibAV", apt: "libavformat-dev"),
    system("CZlib", apt: "zlib1g-dev"),
    system("CZstd", apt: "libzstd-dev"),
    system("CSeccomp", apt: "libseccomp-dev"),
    .target(name: "CAudioRing", cSettings: strictC),
    .target(name: "CLinux", cSettings: strictC),
    .target(name: "CBreadcrumb", cSettings: strictC),
    .target(name: "CSignal", cSettings: strictC + [.unsafeFlags(["-O3", "-ffast-math"])]),
    .target(name: "CSynth", cSettings: strictC + [.unsafeFlags(["-O2"])]),
    .target(
        name: "CBenchFloor", cSettings: strictC + [.unsafeFlags(["-O2"])],
        linkerSettings: ["crypto", "opus", "avformat", "avcodec", "avutil", "swresample"].map { .linkedLibrary($0) }),
    library("AudioRing", ["CAudioRing", "CLinux"]),
    library("Files", []),
    library("MediaWire", ["CLinux"]),
    library("DiscordModel", []),
    library("DAVE", [crypto, "COpenSSL"]),
    library("WebSocketClient", nio + [logging]),
]
let transport: [Target] = [
    library("DiscordREST", ["DiscordModel", http, logging]),
    library("DiscordGateway", ["DiscordModel", "WebSocketClient", "CZlib", "CZstd", logging]),
    library(
        "DiscordVoice",
        ["DiscordModel", "DAVE", "AudioRing", "WebSocketClient", "COpenSSL", "CSodium", "CLinux", logging]),
    library("Media", ["AudioRing", "MediaWire", "CLinux", logging]),
]
let domain: [Target] = [
    library("TimmyCore", [])
]
let adapters: [Target] = [
    library("PluginHost", ["TimmyCore", "CBreadcrumb", "CFFI", "CLinux", "CSodium", pluginABI, logging]),
    library("PluginCheck", ["PluginHost", "CLinux"]),
    library(
        "HostServices",
        [
            "PluginHost", "Files", "CSodium", pluginABI, http, logging,
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        ]),
    library("PluginStore", ["PluginHost", "Files", "CLinux", "CSodium", http] + nio),
    library(
        "Sandbox",
        ["DiscordModel", "DAVE", "CSignal", "COpus", "CSodium", "COpenSSL", "CZlib", "CZstd", crypto, logging] + nio,
        resources: [.copy("Resources")]),
    library(
        "Bot",
        [
            "TimmyCore", "PluginHost", "PluginStore", "HostServices", "DiscordREST", "DiscordGateway", "DiscordVoice",
            "Media",
            "DiscordModel",
            "AudioRing",
            "MediaWire", "Files", "WebSocketClient", pluginABI, logging,
            .product(name: "Configuration", package: "swift-configuration"),
        ]),
]
let executables: [Target] = [
    tool(
        "timmybot",
        [
            "Bot", "Files", "Sandbox", "PluginStore", "PluginCheck", "CBreadcrumb", logging,
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ]),
    tool("timmybot-media", ["MediaWire", "AudioRing", "CLibAV", "COpus", "CSeccomp", "CLinux"]),
    tool("timmybot-songs", ["CLibAV", "CSynth"]),
    .executableTarget(
        name: "timmybot-check", dependencies: [.product(name: "CTimmyBotMock", package: "sdk")], cSettings: strictC),
    tool(
        "timmybot-bench",
        [
            "DiscordVoice", "DiscordModel", "DAVE", "Media", "MediaWire", "AudioRing", "CLinux", "CBenchFloor",
            "PluginHost", "HostServices", "Bot", "Sandbox",
            pluginABI, http, .product(name: "NIOCore", package: "swift-nio"),
            logging,
        ]),
]
let plugins: [Target] = ["Library", "Playback", "Queue"].flatMap(plugin)
let testTargets: [Target] = [
    .target(name: "CTestSupport", path: "Tests/Support/C", cSettings: strictC),
    .target(
        name: "TestSupport", dependencies: ["CTestSupport", logging], path: "Tests/Support/Swift", swiftSettings: strict
    ),
    tests("AudioRingTests", ["AudioRing"]),
    tests("DAVETests", ["DAVE"]),
    tests("DiscordModelTests", ["DiscordModel"]),
    tests("WebSocketClientTests", ["WebSocketClient"] + nio),
    tests("DiscordRESTTests", ["DiscordREST", "DiscordModel"] + nio),
    tests("DiscordGatewayTests", ["DiscordGateway", "DiscordModel", "WebSocketClient", "CZlib", "CZstd"] + nio),
    tests("DiscordVoiceTests", ["DiscordVoice", "DiscordModel", "DAVE", "AudioRing"] + nio),
    tests("MediaTests", ["Media", "MediaWire", "AudioRing", "CLinux", "Sandbox", logging]),
    tests("TimmyCoreTests", ["TimmyCore"]),
    tests("PluginHostTests", ["PluginHost", "PluginStore", pluginABI, logging]),
    tests("PluginCheckTests", ["PluginCheck"]),
    tests("HostServicesTests", ["HostServices", "PluginHost", "CSodium", pluginABI, http, logging] + nio),
    tests("SandboxTests", ["Sandbox", "DiscordModel", "DAVE"] + nio),
    tests("BotTests", ["Bot", "HostServices", "PluginHost", "PluginStore", "Sandbox"]),
    tests("CLITests", ["Bot", "Files", "Sandbox", "DiscordModel", "TimmyCore", logging]),
]

let package = Package(
    name: "timmybot",
    products: ["Library", "Playback", "Queue"].map { .library(name: $0, type: .dynamic, targets: [$0]) }
        + ["timmybot", "timmybot-media"].map { .executable(name: $0, targets: [$0]) },
    dependencies: [
        .package(path: "sdk"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML", "JSON", "Logging"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: ground + transport + domain + adapters + executables + plugins + testTargets
)

// `TIMMYBOT_ONLY=DAVE,DAVETests swift test --scratch-path .build-dave` builds one corner of the house and what it
// stands on, so that work on a module does not wait for the rest.
if let only = Context.environment["TIMMYBOT_ONLY"], !only.isEmpty {
    keepOnly(Set(only.split(separator: ",").map(String.init)))
}

@MainActor func keepOnly(_ names: Set<String>) {
    var kept = names
    var packages: Set<String> = []
    var grew = true
    while grew {
        grew = false
        for target in package.targets where kept.contains(target.name) {
            for dependency in target.dependencies {
                switch dependency {
                case .byNameItem(let name, _), .targetItem(let name, _):
                    if kept.insert(name).inserted { grew = true }
                case .productItem(_, let owner, _, _):
                    if let owner { packages.insert(owner) }
                @unknown default: break
                }
            }
        }
    }
    package.targets.removeAll { !kept.contains($0.name) }
    package.products.removeAll { !kept.contains($0.name) }
    package.dependencies.removeAll { dependency in
        switch dependency.kind {
        case .fileSystem(let name, let path): return !packages.contains(name ?? path)
        case .sourceControl(_, let location, _):
            return !packages.contains(location.split(separator: "/").last.map(String.init) ?? location)
        default: return false
        }
    }
}
