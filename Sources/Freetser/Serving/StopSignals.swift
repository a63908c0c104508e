// SIGINT and SIGTERM stop the servers that run; a second signal ends the process at once.
//
// A signal handler may do next to nothing (signal-safety(7)), so it writes a byte into a pipe, and a thread of
// ours that reads from the pipe does the rest. Handlers are installed while at least one server runs.

import Synchronization
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The write end of the pipe, for the signal handler, which can reach nothing but globals.
private let pipeForSignals = Atomic<Int32>(-1)

/// Who wants to be told of SIGINT and SIGTERM.
final class StopSignals: Sendable {
  static let shared = StopSignals()

  private struct State {
    var actions: [Int: @Sendable () -> Void] = [:]
    var nextKey = 0
    /// What the signals did before, while handlers are installed.
    var before: [Int32: sigaction] = [:]
    var hasThread = false
    var wasSignalled = false
  }

  private let state = Monitor(State())
  private static let signals = [SIGINT, SIGTERM]

  /// Calls `action` on a thread of its own when a signal comes, until the key is forgotten.
  func whenSignalled(_ action: @escaping @Sendable () -> Void) -> Int {
    let (key, isLate) = state.withLock { state in
      if !state.hasThread { state.hasThread = startThread() }
      if state.actions.isEmpty, state.hasThread {
        state.wasSignalled = false
        for signal in Self.signals { state.before[signal] = install(signal) }
      }
      state.nextKey += 1
      state.actions[state.nextKey] = action
      return (state.nextKey, state.wasSignalled)
    }
    // Others are stopping already: whoever comes now stops too.
    if isLate { Self.start([action]) }
    return key
  }

  /// Forgets an action; with the last one the signals do again what they did before.
  func forget(_ key: Int) {
    state.withLock { state in
      state.actions[key] = nil
      guard state.actions.isEmpty else { return }
      for (signal, before) in state.before {
        var before = before
        unsafe sigaction(signal, &before, nil)
      }
      state.before = [:]
    }
  }

  private func isIgnored(_ action: sigaction) -> Bool {
    #if canImport(Darwin)
      let handler = unsafe action.__sigaction_u.__sa_handler
    #else
      let handler = unsafe action.__sigaction_handler.sa_handler
    #endif
    return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private func install(_ signal: Int32) -> sigaction {
    var action = sigaction()
    #if canImport(Darwin)
      unsafe action.__sigaction_u.__sa_handler = writeSignal
    #else
      unsafe action.__sigaction_handler.sa_handler = writeSignal
    #endif
    action.sa_flags = Int32(SA_RESTART)
    var before = sigaction()
    unsafe sigaction(signal, &action, &before)
    // Whoever started the program may have had it ignore the signal, as shells do in the background.
    if isIgnored(before) { unsafe sigaction(signal, &before, nil) }
    return before
  }

  /// Makes the pipe and the thread that reads from it, which lives as long as the process.
  private func startThread() -> Bool {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      guard unsafe pipe(&ends) == 0 else { return false }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #else
      guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { return false }
    #endif
    // A handler that finds the pipe full has nothing new to say.
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    pipeForSignals.store(ends[1], ordering: .releasing)
    let readEnd = ends[0]
    do {
      try Thread.startDetached(name: "signals") { [self] in
        Self.unblock()
        while let signal = Self.nextSignal(from: readEnd) { handle(signal) }
      }
      return true
    } catch {
      pipeForSignals.store(-1, ordering: .releasing)
      for end in ends { close(end) }
      return false
    }
  }

  /// Takes the signals on this thread even if whoever started the program had them blocked.
  private static func unblock() {
    var wanted = sigset_t()
    unsafe sigemptyset(&wanted)
    for signal in signals { unsafe sigaddset(&wanted, signal) }
    unsafe pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
  }

  private static func nextSignal(from readEnd: Int32) -> Int32? {
    var byte: UInt8 = 0
    while true {
      let count = unsafe read(readEnd, &byte, 1)
      if count == 1 { return Int32(byte) }
      guard count < 0, errno == EINTR else { return nil }
    }
  }

  private func handle(_ signal: Int32) {
    let actions = state.withLock { state -> [@Sendable () -> Void]? in
      if state.wasSignalled { return nil }
      state.wasSignalled = true
      return Array(state.actions.values)
    }
    guard let actions else {
      // As if we had never handled it: the exit status says which signal it was.
      _ = Self.setDefault(signal)
      kill(getpid(), signal)
      return
    }
    Self.start(actions)
  }

  /// Runs each action on a thread of its own: each may wait for its server, and none may keep us from seeing the
  /// second signal.
  private static func start(_ actions: [@Sendable () -> Void]) {
    for action in actions {
      do {
        try Thread.startDetached(name: "stop") { action() }
      } catch {
        action()
      }
    }
  }

  private static func setDefault(_ signal: Int32) -> Int32 {
    var action = sigaction()
    #if canImport(Darwin)
      unsafe action.__sigaction_u.__sa_handler = SIG_DFL
    #else
      unsafe action.__sigaction_handler.sa_handler = SIG_DFL
    #endif
    return unsafe sigaction(signal, &action, nil)
  }
}

/// Runs inside the signal handler: only async-signal-safe calls, and errno as it was.
private func writeSignal(_ signal: Int32) {
  let before = errno
  var byte = UInt8(truncatingIfNeeded: signal)
  _ = unsafe write(pipeForSignals.load(ordering: .acquiring), &byte, 1)
  errno = before
}
