// How many descriptors and threads the system lets this process have, as far as it tells.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What connections are made of, and how much of it there is.
public struct SystemLimits: Hashable, Sendable {
  /// How much of one thing there is, and who says so.
  public struct Limit: Hashable, Sendable {
    /// How many this process may have.
    public var count: Int
    /// As in `RLIMIT_NOFILE` and `/sys/fs/cgroup/pids.max`.
    public var source: String
  }

  /// Each connection takes one.
  public var descriptors: Limit

  /// Each connection takes one, from what is often shared with others; `nil` if the system does not tell.
  public var threads: Limit?

  /// What holds for this process now.
  public static var current: SystemLimits {
    let descriptors = resourceLimit(RLIMIT_NOFILE) ?? .max
    #if canImport(Darwin)
      let threads: Limit? = nil
    #else
      let threads = threadLimits().min { $0.count < $1.count }
    #endif
    return SystemLimits(
      descriptors: Limit(count: descriptors, source: "RLIMIT_NOFILE"), threads: threads)
  }

  /// The smaller limit, with which connections end first.
  public var narrowest: Limit {
    guard let threads, threads.count < descriptors.count else { return descriptors }
    return threads
  }

  /// How many connections fit: the narrowest limit, less an eighth and a hundred for all else, at most half of it.
  ///
  /// The hundred are ours: listeners, connections that are refused or on their way out, a store. The eighth is the
  /// program's: its own files, and connections to others.
  public var connections: Int {
    let limit = narrowest.count
    return max(1, limit - min(limit / 2, limit / 8 + 100))
  }
}

#if canImport(Darwin)
  private func resourceLimit(_ resource: Int32) -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
    return Int(clamping: limit.rlim_cur)
  }
#else
  private func resourceLimit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
    return Int(clamping: limit.rlim_cur)
  }

  /// Every limit that a new thread can meet. None is this process's alone.
  private func threadLimits() -> [SystemLimits.Limit] {
    var limits: [SystemLimits.Limit] = []
    // Root may have more than its limit (pthread_create(3), "EAGAIN").
    if geteuid() != 0, let count = resourceLimit(__RLIMIT_NPROC) {
      limits.append(SystemLimits.Limit(count: count, source: "RLIMIT_NPROC"))
    }
    func add(_ path: String, dividedBy divisor: Int = 1) {
      guard let text = contents(of: path), let count = Int(text.trimmed) else { return }
      limits.append(SystemLimits.Limit(count: count / divisor, source: path))
    }
    add("/proc/sys/kernel/threads-max")
    add("/proc/sys/kernel/pid_max")
    // A stack and the guard before it are two mappings (proc_sys_vm(5)).
    add("/proc/sys/vm/max_map_count", dividedBy: 2)
    for directory in controlGroups() { add("\(directory)/pids.max") }
    return limits
  }

  /// The directories of this process's group and of those above it (cgroups(7)), all of which limit it.
  private func controlGroups() -> [String] {
    var directories: [String] = []
    for line in (contents(of: "/proc/self/cgroup") ?? "").split(separator: "\n") {
      // `hierarchy:controllers:path`; version 2 is hierarchy 0 and names no controllers.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      guard parts[0] == "0" || controllers.contains("pids") else { continue }
      let root = parts[0] == "0" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids"
      var names = parts[2].split(separator: "/")
      while true {
        directories.append(([root] + names.map(String.init)).joined(separator: "/"))
        if names.popLast() == nil { break }
      }
    }
    return directories
  }

  /// The beginning of a file, which these fit into; `nil` if it cannot be read.
  func contents(of path: String) -> String? {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = FileDescriptor(number)
    let text = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, filled in
      let count = unsafe read(file.number, buffer.baseAddress!, buffer.count)
      filled = max(0, count)
    }
    return String(decoding: text, as: UTF8.self)
  }

  extension String {
    fileprivate var trimmed: Substring {
      prefix { !$0.isWhitespace }
    }
  }
#endif
