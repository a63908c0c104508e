// Handlers whose time is limited: one thread looks after those of all connections.
//
// A handler cannot be ended, but its client need not wait for it.

import Logging
import Threads
import Transport

/// The thread that looks at the deadlines. It runs while there are any.
final class HandlerWatch: Sendable {
  private struct State {
    var deadlines: [ObjectIdentifier: HandlerDeadline] = [:]
    /// The shortest time that any handler was given: what begins after a look is not over sooner after it.
    var shortest = Duration.seconds(3600)
    var isRunning = false
  }

  private let state = Monitor(State())
  private let logger: Logger

  init(_ logger: Logger) {
    self.logger = logger
  }

  /// Looks after a connection's deadline, which is set to `limit` or more from now on; until ``forget(_:)``.
  fileprivate func watch(_ deadline: HandlerDeadline, atLeast limit: Duration) {
    let startsThread = state.withLock { state in
      state.deadlines[ObjectIdentifier(deadline)] = deadline
      state.shortest = min(state.shortest, limit)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    state.wakeAll()
    guard startsThread else { return }
    do throws(ThreadError) {
      try Thread.startDetached(name: "handler-watch") { [self] in run() }
    } catch {
      state.withLock { $0.isRunning = false }
      logger.error("Handlers take what time they want: no thread to watch them (\(error.code))")
    }
  }

  fileprivate func forget(_ deadline: HandlerDeadline) {
    let isLast = state.withLock { state in
      state.deadlines[ObjectIdentifier(deadline)] = nil
      return state.deadlines.isEmpty
    }
    if isLast { state.wakeAll() }
  }

  private func run() {
    while let (deadlines, shortest) = current() {
      let now = MonotonicTime.now()
      for deadline in deadlines where deadline.expire(at: now) {
        logger.warning("Handler overdue: the connection of \(deadline.peer) is ended")
      }
      let first = deadlines.compactMap(\.time).min() ?? .distantFuture
      _ = state.wait(until: min(first, now + shortest)) { state in
        state.deadlines.isEmpty || state.shortest < shortest ? () : nil
      }
    }
  }

  /// What there is to look at; with nothing the thread ends.
  private func current() -> ([HandlerDeadline], shortest: Duration)? {
    state.withLock { state in
      guard state.deadlines.isEmpty else { return (Array(state.deadlines.values), state.shortest) }
      state = State()
      return nil
    }
  }
}

/// One connection's use of the watch, by the connection's thread. It costs nothing until a handler's time is limited.
///
/// An object, as the compiler cannot have a noncopyable value with a `deinit` inside the public ones (Swift 6.3.1).
final class HandlerTime {
  private let watch: HandlerWatch
  private let stream: any ServedStream
  private var deadline: HandlerDeadline?
  /// What the watch knows to be the least.
  private var shortest = Duration.seconds(Int64.max)

  init(of stream: any ServedStream, _ watch: HandlerWatch) {
    self.stream = stream
    self.watch = watch
  }

  deinit {
    if let deadline { watch.forget(deadline) }
  }

  /// From here on the handler has so long, or any time.
  func limit(to time: Duration?, isHead: Bool) {
    guard let time else {
      deadline?.set(nil, isHead: isHead)
      return
    }
    let deadline = deadline ?? HandlerDeadline(stream)
    deadline.set(.now() + time, isHead: isHead)
    if time < shortest {
      shortest = time
      watch.watch(deadline, atLeast: time)
    }
    self.deadline = deadline
  }

  /// As ``HandlerDeadline/handlerReturned(stillWrites:)``.
  func handlerReturned(stillWrites: Bool) -> Bool {
    deadline?.handlerReturned(stillWrites: stillWrites) ?? true
  }
}
