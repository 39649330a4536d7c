// swift-tools-version: 6.2
import PackageDescription

// The Queue plugin alone: it sees the SDK and nothing of the host.
// `TIMMYBOT_SELF_CONTAINED=1` links the Swift runtime in, so that it runs beside a host of any compiler version.
let isSelfContained = Context.environment["TIMMYBOT_SELF_CONTAINED"] == "1"
let sdk = "\(Context.packageDirectory)/../../sdk"

let linking =
    ["-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "--version-script=\(sdk)/plugin.map"]
    + (isSelfContained ? ["-static-stdlib"] : [])

let package = Package(
    name: "Queue",
    products: [.library(name: "Queue", type: .dynamic, targets: ["Queue"])],
    dependencies: [.package(path: "../../sdk")],
    targets: [
        .target(
            name: "QueueManifest", path: "Manifest",
            cSettings: [.treatAllWarnings(as: .error)] + (isSelfContained ? [.define("TIMMYBOT_SELF_CONTAINED")] : [])),
        .target(
            name: "Queue", dependencies: [.product(name: "TimmyKit", package: "sdk"), "QueueManifest"], path: "Sources",
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)],
            linkerSettings: [
                .unsafeFlags(linking),
                // The host's own runtime is in the process already; a path of the builder's machine is of no use there.
                .unsafeFlags(["-no-toolchain-stdlib-rpath"], .when(configuration: .release)),
            ]),
    ]
)
