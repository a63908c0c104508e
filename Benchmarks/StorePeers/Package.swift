// swift-tools-version: 6.2
import PackageDescription

// Others' ways to use SQLite from Swift. A package of its own, so that nobody resolves them who does not compare them.
let package = Package(
  name: "store-peers",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0")
  ],
  targets: [
    .executableTarget(
      name: "grdb-store", dependencies: [.product(name: "GRDB", package: "GRDB.swift")])
  ],
  swiftLanguageModes: [.v6]
)
