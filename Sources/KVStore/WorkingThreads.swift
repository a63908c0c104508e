// Threads for work of callers that must not wait.

import Threads

/// Threads that do what they are given, oldest first. They are started when they are needed, and end when there has been
/// nothing to do for some time.
final class WorkingThreads: Sendable {
  /// Something to do.
  struct Work: Sendable {
    let run: @Sendable () -> Void
    /// Called instead if it cannot be done.
    let refuse: @Sendable (StoreError) -> Void
  }

  private struct State {
    var work: [Work] = []
    /// How many at the front of `work` have been begun.
    var begun = 0
    var threads = 0
    var idleThreads = 0

    var waiting: Int { work.count - begun }

    mutating func takeFirst() -> Work? {
      guard begun < work.count else { return nil }
      defer {
        begun += 1
        if begun > work.count / 2 {
          work.removeFirst(begun)
          begun = 0
        }
      }
      return work[begun]
    }

    mutating func takeAll() -> [Work] {
      defer { (work, begun) = ([], 0) }
      return Array(work[begun...])
    }
  }

  private let state = Monitor(State())
  private let name: String
  private let limit: Int
  private let queueLimit: Int

  /// - Parameters:
  ///   - name: The threads' name.
  ///   - limit: How many there are at most.
  ///   - queueLimit: How much may wait to be begun.
  init(name: String, limit: Int, queueLimit: Int) {
    self.name = name
    self.limit = limit
    self.queueLimit = queueLimit
  }

  /// Has a thread do this. It is refused with `.queueFull`, or with `.unavailable` if there is no thread.
  func `do`(_ work: Work) {
    let needsThread = state.withLock { state -> Bool? in
      guard state.waiting < queueLimit else { return nil }
      state.work.append(work)
      guard state.waiting > state.idleThreads, state.threads < limit else { return false }
      state.threads += 1
      return true
    }
    guard let needsThread else { return work.refuse(.queueFull(limit: queueLimit)) }
    state.wakeOne()
    if needsThread { startThread() }
  }

  private func startThread() {
    do throws(ThreadError) {
      try Thread.startDetached(name: name, stackSize: 1 << 20) { [self] in
        while let work = next() { work.run() }
      }
    } catch {
      // Where there are others, they do it.
      let refused = state.withLock { state in
        state.threads -= 1
        return state.threads == 0 ? state.takeAll() : []
      }
      for work in refused { work.refuse(.noThread(error)) }
    }
  }

  /// What a thread does next; `nil` if it has had nothing to do for ten seconds.
  private func next() -> Work? {
    state.withLock { $0.idleThreads += 1 }
    let work = state.wait(until: .now() + .seconds(10)) { state -> Work? in
      guard let work = state.takeFirst() else { return nil }
      state.idleThreads -= 1
      return work
    }
    if let work { return work }
    return state.withLock { state in
      state.idleThreads -= 1
      if let work = state.takeFirst() { return work }
      state.threads -= 1
      return nil
    }
  }
}

extension WorkingThreads {
  /// Those of one store.
  static func ofStore() -> WorkingThreads {
    WorkingThreads(
      name: "KVStore helper", limit: Store.Limits.helpers, queueLimit: Store.Limits.waitingCallers)
  }
}

extension StoreError {
  /// No thread could be started.
  static func noThread(_ error: ThreadError) -> StoreError {
    .unavailable(message: "no thread could be started (errno \(error.code))")
  }
}
