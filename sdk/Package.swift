// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

// What a plugin author gets. Imports nothing of the host: copy this folder anywhere and it builds.
let package = Package(
    name: "sdk",
    products: [
        .library(name: "CTimmyBot", targets: ["CTimmyBot"]),
        .library(name: "CTimmyBotMock", targets: ["CTimmyBotMock"]),
        .library(name: "TimmyKit", type: .static, targets: ["TimmyKit"]),
    ],
    targets: [
        .target(name: "CTimmyBot", path: "include", publicHeadersPath: "."),
        // A host for the tests of plugins.
        .target(
            name: "CTimmyBotMock", dependencies: ["CTimmyBot"], path: "testing", sources: ["tb_mock.c"],
            publicHeadersPath: "."),
        .target(name: "TimmyKit", dependencies: ["CTimmyBot"], swiftSettings: strict),
        .testTarget(name: "TimmyKitTests", dependencies: ["TimmyKit", "CTimmyBot"], swiftSettings: strict),
    ]
)
