// A program that a test starts: what it wrote, how it ended, and the certainty that it does end.

import Foundation
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How a program ended.
enum Exit: Equatable {
  case status(Int32)
  case signal(Int32)

  /// Takes apart what waitpid(2) gives; its macros are not imported.
  fileprivate init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .status(waitStatus >> 8 & 0xff) : .signal(signal)
  }
}

/// What a program has written so far, and how it ended if it has.
struct Output {
  var bytes: [UInt8] = []
  var errorBytes: [UInt8] = []
  var exit: Exit?

  /// Standard output as text.
  var text: String { String(lines: bytes) }
  /// Standard error as text.
  var errors: String { String(lines: errorBytes) }
}

extension String {
  /// Text in which every line ends with a line feed alone: Swift counts CR LF as one character, which
  /// a pattern's `\n` does not match.
  init(lines bytes: some Collection<UInt8>) {
    self = String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }
}

/// A program did not start, or it did not do in time what a test waits for.
struct ChildProcessError: Error, CustomStringConvertible {
  var description: String
}

/// A program that runs until it ends or is killed: whoever starts it does that in a `defer`.
final class ChildProcess: Sendable {
  /// From the start; far more than any test takes. A program that hangs fails its test, no more.
  static let timeLimit: Duration = .seconds(60)

  private struct State {
    var output = Output()
    var openPipes = 2
  }

  private let state = Monitor(State())
  private let deadline = MonotonicTime.now() + timeLimit
  private let name: String
  let id: pid_t

  /// Runs a program to its end.
  static func run(_ path: String, _ arguments: [String], input: [UInt8] = []) throws -> Output {
    let process = try ChildProcess(path, arguments, input: input)
    defer { process.kill() }
    return try process.waitForEnd()
  }

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - input: Its standard input. That is a file: nothing waits if the program does not read it.
  ///   - blocking: Signals that are blocked in it from its start.
  ///   - passing: Listening sockets for it, as systemd passes them (sd_listen_fds(3)).
  ///   - environment: Variables beside those of this process.
  init(
    _ path: String, _ arguments: [String], input: [UInt8] = [], blocking signals: [Int32] = [],
    passing sockets: [Int32] = [], environment: [String: String] = [:]
  ) throws {
    name = ([path] + arguments).joined(separator: " ")
    var (path, arguments, environment) = (path, arguments, environment)
    if !sockets.isEmpty {
      // Only the process itself knows its number, which does not change when it executes another program.
      arguments = ["-c", "LISTEN_PID=$$; export LISTEN_PID; exec \"$0\" \"$@\"", path] + arguments
      path = "/bin/sh"
      environment["LISTEN_FDS"] = "\(sockets.count)"
    }
    let directory = try TemporaryDirectory()
    let inputPath = directory.file("input")
    try Data(input).write(to: URL(filePath: inputPath))

    let (output, errors) = try (makePipe(), makePipe())
    do {
      defer { for end in [output.writing, errors.writing] { close(end) } }
      id = try spawn(
        path, arguments, input: inputPath, output: output.writing, errors: errors.writing,
        blocking: signals, passing: sockets, environment: environment)
    } catch {
      for end in [output.reading, errors.reading] { close(end) }
      throw error
    }
    try Thread.startDetached(name: "output") { [self] in
      follow(output.reading) { $0.bytes += $1 }
    }
    try Thread.startDetached(name: "errors") { [self] in
      follow(errors.reading) { $0.errorBytes += $1 }
    }
    try Thread.startDetached(name: "exit") { [self] in waitForExit() }
  }

  /// Sends a signal, unless the program has ended.
  func send(_ signal: Int32) {
    state.withLock { if $0.output.exit == nil { signalProcess(id, signal) } }
  }

  /// Ends the program at once, if it has not ended.
  func kill() { send(SIGKILL) }

  /// Waits until the program has ended and all that it wrote is here.
  func waitForEnd() throws -> Output {
    try wait(for: "the end", in: { $0.openPipes == 0 && $0.output.exit != nil ? $0.output : nil })
  }

  /// Waits until `find` finds something in what the program wrote.
  func wait<Result>(for what: String, _ find: (Output) -> Result?) throws -> Result {
    try wait(for: what, in: { find($0.output) })
  }

  private func wait<Result>(for what: String, in attempt: (State) -> Result?) throws -> Result {
    let result: Result?? = state.wait(until: deadline) { state in
      if let result = attempt(state) { return .some(result) }
      let hasEnded = state.openPipes == 0 && state.output.exit != nil
      return hasEnded ? .some(nil) : nil
    }
    if let result = result ?? nil { return result }
    let output = state.withLock { $0.output }
    let end = output.exit.map { "ended with \($0)" } ?? "still runs"
    throw ChildProcessError(
      description: """
        Waited in vain for \(what) of \(name), which \(end).
        Output: \(output.text.suffix(4_000))
        Errors: \(output.errors.suffix(4_000))
        """)
  }

  private func follow(_ pipe: Int32, _ append: (inout Output, ArraySlice<UInt8>) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let room = buffer.count
    while true {
      let count = unsafe read(pipe, &buffer, room)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      state.withLock { append(&$0.output, buffer[..<count]) }
      state.wakeAll()
    }
    close(pipe)
    state.withLock { $0.openPipes -= 1 }
    state.wakeAll()
  }

  /// Until the second call its number belongs to the program, so `send` cannot hit another one.
  private func waitForExit() {
    var information = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    state.withLock { state in
      var status: Int32 = 0
      while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
      state.output.exit = Exit(waitStatus: status)
    }
    state.wakeAll()
  }
}

/// kill(2), by a name that no method here has.
private func signalProcess(_ id: pid_t, _ signal: Int32) { _ = kill(id, signal) }

/// A pipe that other programs, started at the same time, do not inherit and hold open.
private func makePipe() throws -> (reading: Int32, writing: Int32) {
  var ends: [Int32] = [-1, -1]
  #if canImport(Darwin)
    let code = unsafe pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  #else
    let code = unsafe pipe2(&ends, O_CLOEXEC)
  #endif
  guard code == 0 else { throw ChildProcessError(description: "no pipe: errno \(errno)") }
  return (ends[0], ends[1])
}

/// posix_spawn(3) with the environment of this process, less what would send clients to a proxy.
///
/// Of signals, only `signals` are blocked in the program: tests run on threads that block nearly all.
private func spawn(
  _ path: String, _ arguments: [String], input: String, output: Int32, errors: Int32,
  blocking signals: [Int32], passing sockets: [Int32], environment additions: [String: String]
) throws -> pid_t {
  #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
  #else
    var actions = unsafe posix_spawn_file_actions_t()
  #endif
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
  unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
  unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
  for (index, socket) in sockets.enumerated() {
    precondition(socket >= 3 + sockets.count, "no socket takes the number of another")
    unsafe posix_spawn_file_actions_adddup2(&actions, socket, Int32(3 + index))
  }

  #if canImport(Darwin)
    var attributes: posix_spawnattr_t?
  #else
    var attributes = posix_spawnattr_t()
  #endif
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  var blocked = sigset_t()
  unsafe sigemptyset(&blocked)
  for signal in signals { unsafe sigaddset(&blocked, signal) }
  unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
  unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

  let environment = ProcessInfo.processInfo.environment
    .filter { !$0.key.lowercased().hasSuffix("_proxy") }
    .merging(additions) { $1 }
    .map { "\($0.key)=\($0.value)" }
  var id: pid_t = 0
  let code = unsafe withCStrings([path] + arguments) { arguments in
    unsafe withCStrings(environment) { environment in
      unsafe posix_spawn(&id, path, &actions, &attributes, arguments, environment)
    }
  }
  guard code == 0 else { throw ChildProcessError(description: "\(path): errno \(code)") }
  return id
}

/// Lends an array of C strings that ends with a null pointer.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  let copies = unsafe strings.map { unsafe strdup($0) } + [nil]
  defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
  return unsafe body(copies)
}
