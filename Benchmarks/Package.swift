// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the library's package has no part of this. README.md has the commands.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "freetser", path: "..")],
  targets: [
    .executableTarget(
      name: "core-benchmark", dependencies: [.product(name: "HTTPCore", package: "freetser")]),
    .executableTarget(
      name: "store-benchmark", dependencies: [.product(name: "KVStore", package: "freetser")]),
  ],
  swiftLanguageModes: [.v6]
)
