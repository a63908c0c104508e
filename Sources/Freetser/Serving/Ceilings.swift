// How many connections a server takes, and what the system would allow.

public import Transport

/// The limits on connections that are in force, and where they come from.
public struct Ceilings: Hashable, Sendable {
  /// How many connections are served at a time.
  public var connections: Int

  /// Whether that was configured; otherwise it follows from ``system``.
  public var isConfigured: Bool

  /// How many connections are served at a time for one address; `nil` is no limit.
  public var connectionsPerAddress: Int?

  /// What the system lets the process have.
  public var system: SystemLimits

  /// What holds for a server with this configuration in this process.
  init(_ configuration: ServerConfiguration) {
    system = .current
    connections = configuration.maximumConnections ?? system.connections
    isConfigured = configuration.maximumConnections != nil
    connectionsPerAddress = configuration.maximumConnectionsPerAddress
  }

  /// Whether more connections were configured than the system has descriptors or threads for.
  public var exceedSystem: Bool { connections > system.narrowest.count }
}

extension Ceilings: CustomStringConvertible {
  /// One line for a log: `connections=796 (RLIMIT_NOFILE) per-address=none descriptors=1024 (RLIMIT_NOFILE) …`.
  public var description: String {
    let source = isConfigured ? "configured" : system.narrowest.source
    let perAddress = connectionsPerAddress.map(String.init) ?? "none"
    let descriptors = "\(system.descriptors.count) (\(system.descriptors.source))"
    let threads = system.threads.map { "\($0.count) (\($0.source))" } ?? "unknown"
    return "connections=\(connections) (\(source)) per-address=\(perAddress) "
      + "descriptors=\(descriptors) threads=\(threads)"
  }
}
