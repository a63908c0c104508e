// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "freetser-consumer",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "freetser", path: "../../..")],
  targets: [
    .executableTarget(
      name: "hello", dependencies: [.product(name: "Freetser", package: "freetser")])
  ],
  swiftLanguageModes: [.v6]
)
