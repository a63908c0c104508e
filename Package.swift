// swift-tools-version: 6.2
import PackageDescription

/// Settings that every target of this package is held to.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// glibc declares `accept4`, `pthread_setname_np` and their like only when this is defined.
let gnuSource: [CSetting] = [.define("_GNU_SOURCE", .when(platforms: [.linux]))]

let package = Package(
  name: "freetser",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "HTTPCore", targets: ["HTTPCore"]),
    .library(name: "Transport", targets: ["Transport"]),
    .library(name: "KVStore", targets: ["KVStore"]),
    .library(name: "Freetser", targets: ["Freetser"]),
    .library(name: "FreetserTesting", targets: ["FreetserTesting"]),
    .executable(name: "kvtool", targets: ["kvtool"]),
    .executable(name: "notes", targets: ["notes"]),
    .executable(name: "quickstart", targets: ["quickstart"]),
    .executable(name: "stress-test", targets: ["stress-test"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
  ],
  targets: [
    // The layers, lowest first. docs/architecture.md says who may import whom.
    .systemLibrary(
      name: "CSQLite",
      pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite3"])]),
    .target(name: "Threads", cSettings: gnuSource, swiftSettings: strict),
    .target(name: "HTTPCore", swiftSettings: strict),
    .target(
      name: "Transport", dependencies: ["Threads"], cSettings: gnuSource, swiftSettings: strict),
    .target(
      name: "KVStore", dependencies: ["Threads", "CSQLite"], cSettings: gnuSource,
      swiftSettings: strict),
    .target(
      name: "Freetser",
      dependencies: [
        "HTTPCore", "KVStore", "Threads", "Transport",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
      ],
      cSettings: gnuSource, swiftSettings: strict),

    // For the tests of those who use the library, and no part of what they deploy.
    .target(
      name: "FreetserTesting",
      dependencies: [
        "Freetser", "HTTPCore", "KVStore", "Threads", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),

    // Looks into the files of stores, for those who run programs with them.
    .executableTarget(
      name: "kvtool",
      dependencies: [
        "KVStore", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tools/KVTool", swiftSettings: strict),

    // Programs that use the library as its users do.
    .executableTarget(
      name: "quickstart",
      dependencies: [
        "Freetser", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/Quickstart", swiftSettings: strict),
    .executableTarget(
      name: "notes",
      dependencies: [
        "Freetser", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/Notes", exclude: ["Public"], swiftSettings: strict),
    .executableTarget(
      name: "kv-http",
      dependencies: [
        "Freetser", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/KVHTTP", swiftSettings: strict),
    .executableTarget(
      name: "upload",
      dependencies: [
        "Freetser", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/Upload", swiftSettings: strict),
    .executableTarget(
      name: "stress-test",
      dependencies: [
        "Freetser", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/StressTest", cSettings: gnuSource, swiftSettings: strict),

    // What the fuzzers check (scripts/fuzz), replayed on their corpus by HTTPCoreTests.
    .target(
      name: "FuzzChecks", dependencies: ["HTTPCore"], path: "Fuzz/Checks", swiftSettings: strict),

    // Streams with faults and a clock of their own, for the tests of those who use streams.
    .target(
      name: "StreamSimulation", dependencies: ["HTTPCore", "Threads", "Transport"],
      path: "Tests/StreamSimulation", swiftSettings: strict),

    .testTarget(name: "ThreadsTests", dependencies: ["Threads"], swiftSettings: strict),
    .testTarget(
      name: "HTTPCoreTests", dependencies: ["HTTPCore", "FuzzChecks"], swiftSettings: strict),
    .testTarget(
      name: "TransportTests", dependencies: ["StreamSimulation", "Transport", "Threads"],
      cSettings: gnuSource, swiftSettings: strict),
    .testTarget(
      name: "KVStoreTests", dependencies: ["KVStore", "CSQLite", "Threads"], cSettings: gnuSource,
      swiftSettings: strict),
    .testTarget(
      name: "FreetserTests",
      dependencies: [
        "Freetser", "FreetserTesting", "HTTPCore", "KVStore", "StreamSimulation", "Threads",
        "Transport",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
      ],
      cSettings: gnuSource, swiftSettings: strict),
    .testTarget(
      name: "FreetserTestingTests",
      dependencies: [
        "Freetser", "FreetserTesting", "HTTPCore", "Threads", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ExamplesTests",
      dependencies: [
        "Freetser", "FreetserTesting", "KVStore", "kv-http", "kvtool", "notes", "quickstart",
        "stress-test", "test-server", "Threads", "Transport", "upload",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
      ],
      exclude: ["Scripts"], cSettings: gnuSource, swiftSettings: strict),
    .executableTarget(
      name: "test-server",
      dependencies: [
        "Freetser", .target(name: "CHeap", condition: .when(platforms: [.linux])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/TestServer", swiftSettings: strict),
    .systemLibrary(name: "CHeap", path: "Tests/CHeap"),
  ],
  swiftLanguageModes: [.v6]
)

// Under a sanitizer (scripts/sanitize) the layers and their tests are all that is built, and tests are not optimised: the rest
// would take longer to build than the tests take to run.
if Context.environment["FREETSER_SANITIZES"] != nil {
  package.targets.removeAll { $0.type == .executable || $0.name == "ExamplesTests" }
  package.products.removeAll { $0 is Product.Executable }
  for target in package.targets where target.type == .test {
    target.swiftSettings = strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))]
  }
}
