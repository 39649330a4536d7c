// swift-tools-version: 6.2
import PackageDescription

// TIMMYBOT_SDK is the folder of the SDK. TIMMYBOT_SELF_CONTAINED=1 links the Swift runtime in, so that the plugin runs
// beside a host of any compiler version; without it the plugin shares the host's runtime. `./build` sets both.
let sdk = Context.environment["TIMMYBOT_SDK"] ?? "{{SDK}}"
let isSelfContained = Context.environment["TIMMYBOT_SELF_CONTAINED"] == "1"
// One exported symbol, and never unloaded.
let linking =
    ["-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "--version-script=\(sdk)/plugin.map"]
    + (isSelfContained ? ["-static-stdlib"] : [])

let package = Package(
    name: "{{NAME}}",
    products: [.library(name: "{{MODULE}}", type: .dynamic, targets: ["{{MODULE}}"])],
    dependencies: [.package(name: "sdk", path: sdk)],
    targets: [
        .target(
            name: "{{MODULE}}Manifest", path: "Manifest",
            cSettings: isSelfContained ? [.define("TIMMYBOT_SELF_CONTAINED")] : []),
        .target(
            name: "{{MODULE}}", dependencies: [.product(name: "TimmyKit", package: "sdk"), "{{MODULE}}Manifest"],
            path: "Sources", swiftSettings: [.swiftLanguageMode(.v6)],
            linkerSettings: [
                .unsafeFlags(linking),
                .unsafeFlags(["-no-toolchain-stdlib-rpath"], .when(configuration: .release)),
            ]),
    ]
)
