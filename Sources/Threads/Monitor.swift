// A value behind a lock, and a way to wait until it is as one needs it.
//
// `Synchronization.Mutex` has no condition variable, which Transport and KVStore need, and ThreadSanitizer does not see
// its locking; it sees that of pthread.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A lock with the value it guards and one condition variable for those who wait for it to change.
// @unchecked: `value` is touched only between lock and unlock of `mutex`.
// @safe: both pointers are allocated in `init`, never leave, and are freed in `deinit`, which runs when no thread can wait any more.
@safe package final class Monitor<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  package init(_ value: sending Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    #if canImport(Darwin)
      unsafe pthread_cond_init(condition, nil)
    #else
      var attributes = pthread_condattr_t()
      unsafe pthread_condattr_init(&attributes)
      unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      unsafe pthread_cond_init(condition, &attributes)
      unsafe pthread_condattr_destroy(&attributes)
    #endif
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Looks at or changes the value. Wakes nobody: call ``wakeAll()`` or ``wakeOne()`` after a change that others wait for.
  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Waits until `attempt` gives a value, trying it at once and after each wake-up, under the lock.
  ///
  /// - Returns: What `attempt` gave, or `nil` once `deadline` has passed.
  package func wait<Result>(
    until deadline: MonotonicTime = .distantFuture, for attempt: (inout Value) -> Result?
  ) -> Result? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let result = attempt(&value) { return result }
      if deadline == .distantFuture {
        unsafe pthread_cond_wait(condition, mutex)
      } else if !waitOnce(until: deadline) {
        return attempt(&value)
      }
    }
  }

  /// Wakes every waiting thread, to look again.
  package func wakeAll() {
    unsafe pthread_cond_broadcast(condition)
  }

  /// Wakes one waiting thread, enough where any of them can do what changed.
  package func wakeOne() {
    unsafe pthread_cond_signal(condition)
  }

  /// - Returns: Whether there was still time; the wake-up itself may be for nothing.
  private func waitOnce(until deadline: MonotonicTime) -> Bool {
    let now = MonotonicTime.now()
    guard now < deadline else { return false }
    #if canImport(Darwin)
      let left = deadline.nanoseconds - now.nanoseconds
      var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
      unsafe pthread_cond_timedwait_relative_np(condition, mutex, &time)
    #else
      var time = timespec(
        tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
        tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
      unsafe pthread_cond_timedwait(condition, mutex, &time)
    #endif
    return true
  }
}
