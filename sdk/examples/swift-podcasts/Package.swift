// swift-tools-version: 6.2
import PackageDescription

// TIMMYBOT_SDK is the folder of the SDK. TIMMYBOT_SELF_CONTAINED=1 links the Swift runtime in, so that the plugin runs
// beside a host of any compiler version; without it the plugin shares the host's runtime.
let sdk = Context.environment["TIMMYBOT_SDK"] ?? "\(Context.packageDirectory)/../.."
let isSelfContained = Context.environment["TIMMYBOT_SELF_CONTAINED"] == "1"
let linking =
    ["-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "--version-script=\(sdk)/plugin.map"]
    + (isSelfContained ? ["-static-stdlib"] : [])

let package = Package(
    name: "swift-podcasts",
    products: [.library(name: "Podcasts", type: .dynamic, targets: ["Podcasts"])],
    dependencies: [.package(name: "sdk", path: sdk)],
    targets: [
        .target(
            name: "PodcastsManifest", path: "Manifest",
            cSettings: isSelfContained ? [.define("TIMMYBOT_SELF_CONTAINED")] : []),
        // What is worth testing, without an entry symbol.
        .target(
            name: "Feeds", dependencies: [.product(name: "TimmyKit", package: "sdk")], path: "Sources/Feeds",
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .target(
            name: "Podcasts", dependencies: ["Feeds", "PodcastsManifest"], path: "Sources/Podcasts",
            swiftSettings: [.swiftLanguageMode(.v6)],
            linkerSettings: [
                .unsafeFlags(linking),
                .unsafeFlags(["-no-toolchain-stdlib-rpath"], .when(configuration: .release)),
            ]),
        .testTarget(
            name: "FeedsTests", dependencies: ["Feeds"], path: "Tests", swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
