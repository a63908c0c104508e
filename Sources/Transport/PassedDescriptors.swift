// What the environment says about descriptors that this process was started with.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What a service manager says that it passes (sd_listen_fds(3)).
struct PassedDescriptors: Equatable {
  /// The first number that is passed; the others follow (SD_LISTEN_FDS_START).
  static let first: Int32 = 3

  private let count: Int32
  /// One for each; `nil` if the manager gave none.
  private let names: [Substring]?

  static func ofThisProcess() throws(TransportError) -> PassedDescriptors {
    try PassedDescriptors(processID: getpid()) { name in
      unsafe getenv(name).map { unsafe String(cString: $0) }
    }
  }

  /// Reads the variables of an environment.
  init(
    processID: Int32, _ environment: (String) -> String?
  ) throws(TransportError) {
    guard let text = environment("LISTEN_FDS") else { throw .cannotInherit(.nothingPassed) }
    guard let count = Int32(text), 0...(.max - Self.first) ~= count else {
      throw .cannotInherit(.malformedVariable("LISTEN_FDS"))
    }
    guard let owner = environment("LISTEN_PID").flatMap({ Int32($0) }) else {
      throw .cannotInherit(.malformedVariable("LISTEN_PID"))
    }
    guard owner == processID else {
      throw .cannotInherit(.passedToAnother(process: owner, this: processID))
    }
    guard count > 0 else { throw .cannotInherit(.nothingPassed) }
    names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false)
    if let names, names.count != Int(count) {
      throw .cannotInherit(.malformedVariable("LISTEN_FDNAMES"))
    }
    self.count = count
  }

  /// The descriptors of this name, or all; never none.
  func numbers(named name: String?) throws(TransportError) -> [Int32] {
    let all = Self.first..<(Self.first + count)
    guard let name else { return Array(all) }
    let named = zip(all, names ?? []).filter { $0.1 == name }.map(\.0)
    guard !named.isEmpty else { throw .cannotInherit(.noneNamed(name)) }
    return named
  }
}
