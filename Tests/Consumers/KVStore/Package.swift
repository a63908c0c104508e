// swift-tools-version: 6.2
import PackageDescription

// A program of someone who wants the store alone.
let package = Package(
  name: "word-count",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "freetser", path: "../../..")],
  targets: [
    .executableTarget(
      name: "word-count", dependencies: [.product(name: "KVStore", package: "freetser")])
  ],
  swiftLanguageModes: [.v6]
)
