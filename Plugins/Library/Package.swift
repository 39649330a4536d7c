// swift-tools-version: 6.2
import PackageDescription

// The Library plugin alone: it sees the SDK and nothing of the host.
// `TIMMYBOT_SELF_CONTAINED=1` links the Swift runtime in, so that it runs beside a host of any compiler version.
let isSelfContained = Context.environment["TIMMYBOT_SELF_CONTAINED"] == "1"
let sdk = "\(Context.packageDirectory)/../../sdk"

let linking =
    ["-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "--version-script=\(sdk)/plugin.map"]
    + (isSelfContained ? ["-static-stdlib"] : [])

let package = Package(
    name: "Library",
    products: [.library(name: "Library", type: .dynamic, targets: ["Library"])],
    dependencies: [.package(path: "../../sdk")],
    targets: [
        .target(
            name: "LibraryManifest", path: "Manifest",
            cSettings: [.treatAllWarnings(as: .error)] + (isSelfContained ? [.define("TIMMYBOT_SELF_CONTAINED")] : [])),
        .target(
            name: "Library", dependencies: [.product(name: "TimmyKit", package: "sdk"), "LibraryManifest"],
            path: "Sources",
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)],
            linkerSettings: [
                .unsafeFlags(linking),
                // The host's own runtime is in the process already; a path of the builder's machine is of no use there.
                .unsafeFlags(["-no-toolchain-stdlib-rpath"], .when(configuration: .release)),
            ]),
    ]
)
