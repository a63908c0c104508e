// Runs each test on a thread of its own, so that it may block without holding up other suites.

import Testing
import Threads

/// Starts a thread for each piece of a test that is ready to run.
private final class ThreadPerJob: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    do {
      try Thread.startDetached(name: "test") {
        unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
      }
    } catch {
      fatalError("no thread for a test: \(error)")
    }
  }
}

struct OwnThread: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    try await withTaskExecutorPreference(ThreadPerJob(), operation: function)
  }
}

extension Trait where Self == OwnThread {
  /// For tests that wait for sockets or threads.
  static var onOwnThread: OwnThread { OwnThread() }
}
