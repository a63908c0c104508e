// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the library's package has no part of this. README.md says how it is run.
let package = Package(
  name: "differential",
  platforms: [.macOS(.v26)],
  products: [.library(name: "Cases", targets: ["Cases"])],
  dependencies: [.package(name: "freetser", path: "../..")],
  targets: [
    .target(name: "Cases"),
    .executableTarget(
      name: "core-cases", dependencies: ["Cases", .product(name: "HTTPCore", package: "freetser")]),
  ],
  swiftLanguageModes: [.v6]
)
