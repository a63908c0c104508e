// The thread of an executor, for those who cannot wait themselves.

import Threads

/// A thread that does what it is given, and something else now and then when it has nothing to do.
///
/// It ends after ``end()``, when it has done what it was given before.
final class OwnThread: Sendable {
  typealias Task = @Sendable () -> Void

  private struct State {
    var id: ThreadID?
    var tasks: [Task] = []
    var isEnding = false
  }

  private let state = Monitor(State())

  /// Which thread it is.
  let id: ThreadID

  private enum Next {
    case task(Task)
    case end
  }

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - interval: For how long it has nothing to do before it does `idle`, again and again.
  ///   - idle: What it does then. Returns whether there is more of it, to be done without a pause.
  init(
    name: String, idleAfter interval: Duration, _ idle: @escaping @Sendable () -> Bool
  ) throws(ThreadError) {
    let state = state
    // Actors that are pinned to a store run here, so the stack is not a small one.
    try Thread.startDetached(name: name, stackSize: 1 << 20) {
      state.withLock { $0.id = .current }
      state.wakeAll()
      Self.run(state, idleAfter: interval, idle)
    }
    id = state.wait { $0.id }!
  }

  /// Has the thread do this, after what it was given before.
  func `do`(_ task: @escaping Task) {
    state.withLock { $0.tasks.append(task) }
    state.wakeAll()
  }

  /// Ends the thread once it has done what it was given.
  func end() {
    state.withLock { $0.isEnding = true }
    state.wakeAll()
  }

  // It does not hold the object: whoever lets go of that has ended it before.
  private static func run(
    _ state: Monitor<State>, idleAfter interval: Duration, _ idle: () -> Bool
  ) {
    var idleTime = MonotonicTime.now() + interval
    while true {
      let next = state.wait(until: idleTime) { state -> Next? in
        if !state.tasks.isEmpty { return .task(state.tasks.removeFirst()) }
        return state.isEnding ? .end : nil
      }
      switch next {
      case .task(let task): task()
      case .end: return
      case nil: break
      }
      // Tasks do not put it off.
      if MonotonicTime.now() >= idleTime { idleTime = .now() + (idle() ? .zero : interval) }
    }
  }
}
