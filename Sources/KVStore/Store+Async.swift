// The store in asynchronous code, where no thread may be kept waiting.

import Synchronization
import Threads

extension Store {
  /// Runs `routine` as a transaction, like the form for code that is not asynchronous.
  ///
  /// It runs on the store's own thread, or on that of a caller who is running routines anyway.
  ///
  /// - Parameters:
  ///   - limit: If the routine has not begun by then, it is given up, with `.timeout`. `nil` for no limit.
  ///   - routine: Reads and changes tables through the ``Storage`` it is given, which it cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged; ``StoreError``; `CancellationError` if the task was cancelled before the
  ///   routine had begun. One that has begun is waited for.
  @discardableResult
  public func execute<R: Sendable>(
    within limit: Duration? = nil,
    _ routine: @escaping @Sendable (borrowing Storage) throws -> R
  ) async throws -> R {
    let outcome = Outcome<R>()
    let routine = outcome.routine(comparingRuns(of: routine))
    let wait = Wait()
    let ticket = executor.ticket(for: routine) { [self] in
      // The store's thread ends with the store, so that must be there until here.
      withExtendedLifetime(self) { wait.end() }
    }
    try await wait.run(within: limit, withdraw: { [executor] in executor.withdraw(ticket) }) {
      try executor.submit(ticket)
    }
    return try outcome.get()
  }

  /// Runs `routine` with the tables as they are at one moment, like the form for code that is not asynchronous.
  ///
  /// It runs on one of the threads that the store keeps for this, at most ``Limits/helpers``; a store in memory has
  /// its own thread read, in turn with the routines that write.
  ///
  /// - Parameters:
  ///   - limit: If the routine has not begun by then, it is given up, with `.timeout`. `nil` for no limit.
  ///   - routine: Reads tables through the ``Snapshot`` it is given, which it cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged; ``StoreError``; `CancellationError` if the task was cancelled before the
  ///   routine had begun. One that has begun is waited for.
  public func read<R: Sendable>(
    within limit: Duration? = nil,
    _ routine: @escaping @Sendable (borrowing Snapshot) throws -> R
  ) async throws -> R {
    let outcome = Outcome<R>()
    let wait = Wait()
    let claim = Claim()
    let deadline = limit.map { .now() + $0 } ?? MonotonicTime.distantFuture
    let work: @Sendable () -> Void = { [self] in
      do {
        try readSnapshot(until: deadline) { snapshot in
          // Whoever was withdrawn has been told already.
          guard claim.take() else { return }
          outcome.keep(Result { try routine(snapshot) })
          wait.end()
        }
      } catch {
        if claim.take() { wait.end(.failure(error)) }
      }
    }
    try await wait.run(within: limit, withdraw: { claim.take() }) {
      guard readers == nil else {
        return helpers.do(.init(run: work) { if claim.take() { wait.end(.failure($0)) } })
      }
      try executor.submitIfRoom(errand: work)
    }
    return try outcome.get()
  }
}

/// Decides who of several does something: the first who takes it.
private final class Claim: Sendable {
  private let isTaken = Atomic(false)

  func take() -> Bool { !isTaken.exchange(true, ordering: .acquiringAndReleasing) }
}

/// A task that waits for what others do.
private final class Wait: Sendable {
  private enum State {
    case beginning
    case waiting(CheckedContinuation<Void, any Error>)
    case ended(Result<Void, any Error>)
  }

  private let state = Monitor(State.beginning)

  /// Starts something and waits until ``end(_:)`` is called.
  ///
  /// - Parameters:
  ///   - limit: When to withdraw it, with `.timeout`.
  ///   - withdraw: Returns whether it had not begun, and then will not.
  ///   - start: Starts it.
  /// - Throws: `.timeout`, or `CancellationError`, if it was withdrawn; what `start` throws.
  func run(
    within limit: Duration?, withdraw: @escaping @Sendable () -> Bool, start: () throws -> Void
  ) async throws {
    let timer = limit.map { limit in
      Task {
        // Thirty years: longer ones trap.
        try await Task.sleep(for: min(limit, .seconds(1_000_000_000)))
        if withdraw() { self.end(.failure(StoreError.timeout)) }
      }
    }
    defer { timer?.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        begin(continuation)
        do { try start() } catch { end(.failure(error)) }
      }
    } onCancel: {
      if withdraw() { end(.failure(CancellationError())) }
    }
  }

  private func begin(_ continuation: CheckedContinuation<Void, any Error>) {
    let ended = state.withLock { state -> Result<Void, any Error>? in
      if case .ended(let result) = state { return result }
      state = .waiting(continuation)
      return nil
    }
    if let ended { continuation.resume(with: ended) }
  }

  /// Ends the wait. Only the first time counts.
  func end(_ result: Result<Void, any Error> = .success(())) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      switch state {
      case .ended: return nil
      case .beginning:
        state = .ended(result)
        return nil
      case .waiting(let continuation):
        state = .ended(result)
        return continuation
      }
    }
    waiting?.resume(with: result)
  }
}
