// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

// What a plugin author gets. Imports nothing of the host: copy this folder anywhere and it builds.
let package = Package(
    name: "sdk",
    products: [
        .library(name: "CTimmyBot", targets: ["CTimmyBot"]),
        .library(name: "TimmyKit", type: .static, targets: ["TimmyKit"]),
    ],
    targets: [
        .target(name: "CTimmyBot", path: "include", publicHeadersPath: "."),
        .target(name: "TimmyKit", dependencies: ["CTimmyBot"], swiftSettings: strict),
        .testTarget(name: "TimmyKitTests", dependencies: ["TimmyKit", "CTimmyBot"], swiftSettings: strict),
    ]
)
