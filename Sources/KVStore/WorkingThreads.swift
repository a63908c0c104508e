// Threads for work of callers that must not wait.

import Threads

/// Threads that do what they are given, oldest first. They are started when they are needed, and end when there has been
/// nothing to do for some time.
final class WorkingThreads: Sendable {
  typealias Work = @Sendable () -> Void

  private struct State {
    var work: [Work] = []
    /// How many at the front of `work` have been begun.
    var begun = 0
    var threads = 0
    var idleThreads = 0

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

  /// Has a thread do this.
  ///
  /// - Throws: `.queueFull`; `.unavailable` if there is no thread and none can be started.
  func `do`(_ work: @escaping Work) throws(StoreError) {
    let needsThread = try state.withLock { state throws(StoreError) in
      guard state.work.count - state.begun < queueLimit else { throw .queueFull(limit: queueLimit) }
      state.work.append(work)
      guard state.work.count - state.begun > state.idleThreads, state.threads < limit else {
        return false
      }
      state.threads += 1
      return true
    }
    state.wakeOne()
    if needsThread { try startThread() }
  }

  private func startThread() throws(StoreError) {
    do throws(ThreadError) {
      try Thread.startDetached(name: name, stackSize: 1 << 20) { [self] in
        while let work = next() { work() }
      }
    } catch {
      let isAlone = state.withLock { state in
        state.threads -= 1
        return state.threads == 0
      }
      // The others do it.
      guard isAlone else { return }
      throw .unavailable(message: "no thread could be started (errno \(error.code))")
    }
  }

  /// What a thread does next; `nil` if it has had nothing to do for ten seconds.
  private func next() -> Work? {
    state.withLock { $0.idleThreads += 1 }
    let work = state.wait(until: .now() + .seconds(10)) { $0.takeFirst() }
    state.withLock { state in
      state.idleThreads -= 1
      if work == nil { state.threads -= 1 }
    }
    return work
  }
}
