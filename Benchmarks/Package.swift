// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the library's package has no part of this. README.md has the commands.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "freetser", path: ".."),
    .package(name: "differential", path: "../Tests/Differential"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
  ],
  targets: [
    .executableTarget(
      name: "core-benchmark", dependencies: [.product(name: "HTTPCore", package: "freetser")]),
    .executableTarget(
      name: "decoder-comparison",
      dependencies: [
        .product(name: "Cases", package: "differential"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "freetser-server",
      dependencies: [
        .product(name: "Freetser", package: "freetser"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "nio-codec",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "store-benchmark", dependencies: [.product(name: "KVStore", package: "freetser")]),
  ],
  swiftLanguageModes: [.v6]
)
