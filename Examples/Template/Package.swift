// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "app",
  platforms: [.macOS(.v26)],
  dependencies: [
    // By path, or by URL: .package(url: "https://…/freetser", from: "0.1.0")
    .package(name: "freetser", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "App", dependencies: [.product(name: "Freetser", package: "freetser")]),
    .testTarget(
      name: "AppTests",
      dependencies: ["App", .product(name: "FreetserTesting", package: "freetser")]),
  ])
