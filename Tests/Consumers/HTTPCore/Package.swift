// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "http-core-consumer",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "freetser", path: "../../..")],
  targets: [
    .executableTarget(
      name: "print-head", dependencies: [.product(name: "HTTPCore", package: "freetser")])
  ],
  swiftLanguageModes: [.v6]
)
