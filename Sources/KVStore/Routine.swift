// A routine that waits in line, without the type of what it returns.

import Synchronization

/// Runs the routine, perhaps more than once: only what its last run came to counts.
struct Routine: Sendable {
  /// Runs it, keeps what it returns, and throws what it throws.
  let run: @Sendable (borrowing Storage) throws -> Void
  /// Forgets what it returned: it has failed with this error.
  let fail: @Sendable (any Error) -> Void
}

/// What a routine came to, for its caller.
final class Outcome<R: Sendable>: Sendable {
  private let result = Mutex<Result<R, any Error>?>(nil)

  /// The routine, whose last result is kept here.
  func routine(_ body: @escaping @Sendable (borrowing Storage) throws -> R) -> Routine {
    Routine { storage in
      self.keep(.success(try body(storage)))
    } fail: { error in
      self.keep(.failure(error))
    }
  }

  /// Keeps what it came to, in the place of what it came to before.
  func keep(_ result: Result<R, any Error>) { self.result.withLock { $0 = result } }

  /// What came of it, once somebody has run it.
  func get() throws -> R { try result.withLock { $0! }.get() }
}
