// What descriptors the process has. Other tests open and close theirs meanwhile, so this is for the
// child processes of exit tests. Even there other libraries open some, but neither sockets nor pipes.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The numbers of all open sockets and pipes.
func openDescriptors() -> Set<Int32> {
  var limit = rlimit()
  unsafe getrlimit(descriptorLimit, &limit)
  return Set((0..<Int32(min(limit.rlim_cur, 4096))).filter { isSocketOrPipe($0) })
}

private func isSocketOrPipe(_ descriptor: Int32) -> Bool {
  var status = stat()
  guard unsafe fstat(descriptor, &status) == 0 else { return false }
  return [S_IFSOCK, S_IFIFO].contains(status.st_mode & S_IFMT)
}

/// Ends the process, saying which ones, unless the open descriptors are those of `before`.
func requireDescriptors(_ before: Set<Int32>) {
  let difference = openDescriptors().symmetricDifference(before)
  guard !difference.isEmpty else { return }
  let names = difference.sorted().map { number in
    "\(number) (\(before.contains(number) ? "closed" : "open"): \(target(of: number)))"
  }
  fatalError("descriptors: \(names.joined(separator: ", "))")
}

/// What a descriptor stands for, where the system tells.
private func target(of descriptor: Int32) -> String {
  unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 200) { text in
    let count = unsafe readlink("/proc/self/fd/\(descriptor)", text.baseAddress!, 199)
    guard count >= 0 else { return "gone" }
    unsafe text[count] = 0
    return unsafe String(cString: text.baseAddress!)
  }
}

/// Lowers the limit on descriptors to `count`.
func limitDescriptors(to count: Int) {
  var limit = rlimit()
  unsafe getrlimit(descriptorLimit, &limit)
  limit.rlim_cur = rlim_t(count)
  precondition(unsafe setrlimit(descriptorLimit, &limit) == 0)
}

/// Takes every descriptor that is left.
func exhaustDescriptors() -> [Int32] {
  var taken: [Int32] = []
  // Without a file open, nothing is closed again behind the last look.
  var hadOpenFile = true
  while true {
    let copy = dup(0)
    if copy >= 0 {
      taken.append(copy)
    } else if !hadOpenFile {
      return taken
    }
    hadOpenFile = hasOpenFile()
  }
}

/// Whether somebody reads a file just now: libdispatch reads one of /proc now and then, and leaves a descriptor when it
/// is done.
private func hasOpenFile() -> Bool {
  (0..<64).contains { ["/proc/", "/sys/"].contains(where: target(of: $0).hasPrefix) }
}

#if canImport(Darwin)
  private let descriptorLimit = RLIMIT_NOFILE
#else
  private let descriptorLimit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#endif
