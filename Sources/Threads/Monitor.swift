// A value behind a lock, and a way to wait until it is as one needs it.
//
// `Synchronization.Mutex` has no condition variable, which Transport and KVStore need, and ThreadSanitizer does not see
// its locking; it sees that of pthread.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// Its code is inlinable, so that other modules have it for their own types: otherwise each use finds out while the program
// runs what the value is. That goes with `public` alone.

// @unchecked: `value` is touched only between `lock()` and `unlock()`.
/// A lock with the value it guards and one condition variable for those who wait for it to change.
public final class Monitor<Value>: @unchecked Sendable {
  @usableFromInline let condition = LockWithCondition()
  // The lock sees to it that nobody else uses it; the compiler need not check it again.
  @exclusivity(unchecked) @usableFromInline var value: Value

  /// Guards a value.
  @inlinable public init(_ value: sending Value) {
    unsafe self.value = value
  }

  /// Looks at or changes the value. Wakes nobody: call ``wakeAll()`` or ``wakeOne()`` after a change that others wait for.
  @inlinable public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    condition.lock()
    defer { condition.unlock() }
    return try unsafe body(&value)
  }

  /// Waits until `attempt` gives a value, trying it at once and after each wake-up, under the lock.
  ///
  /// - Returns: What `attempt` gave, or `nil` once `deadline` has passed.
  @inlinable public func wait<Result>(
    until deadline: MonotonicTime = .distantFuture, for attempt: (inout Value) -> Result?
  ) -> Result? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = unsafe attempt(&value) { return result }
      if !condition.waitOnce(until: deadline) { return unsafe attempt(&value) }
    }
  }

  /// Wakes every waiting thread, to look again.
  @inlinable public func wakeAll() { condition.wakeAll() }

  /// Wakes one waiting thread, enough where any of them can do what changed.
  @inlinable public func wakeOne() { condition.wakeOne() }
}

/// What a ``Monitor`` locks and waits with.
// @unchecked: the functions of pthread may be called by any thread.
// @safe: the pointer is allocated in `init`, never leaves, and is freed in `deinit`, which runs when no thread can wait any more.
@safe @usableFromInline package final class LockWithCondition: @unchecked Sendable {
  @unsafe private struct Parts {
    var mutex = unsafe pthread_mutex_t()
    var condition = pthread_cond_t()
  }

  private let parts: UnsafeMutablePointer<Parts>

  @usableFromInline package init() {
    unsafe parts = .allocate(capacity: 1)
    unsafe parts.initialize(to: Parts())
    #if canImport(Darwin)
      unsafe pthread_mutex_init(&parts.pointee.mutex, nil)
      unsafe pthread_cond_init(&parts.pointee.condition, nil)
    #else
      // What is done under these locks is short: to look a few times whether one is free again costs less than to sleep.
      var kind = pthread_mutexattr_t()
      unsafe pthread_mutexattr_init(&kind)
      unsafe pthread_mutexattr_settype(&kind, CInt(PTHREAD_MUTEX_ADAPTIVE_NP))
      unsafe pthread_mutex_init(&parts.pointee.mutex, &kind)
      unsafe pthread_mutexattr_destroy(&kind)
      var attributes = pthread_condattr_t()
      unsafe pthread_condattr_init(&attributes)
      unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      unsafe pthread_cond_init(&parts.pointee.condition, &attributes)
      unsafe pthread_condattr_destroy(&attributes)
    #endif
  }

  deinit {
    unsafe pthread_cond_destroy(&parts.pointee.condition)
    unsafe pthread_mutex_destroy(&parts.pointee.mutex)
    unsafe parts.deallocate()
  }

  @usableFromInline package func lock() { unsafe pthread_mutex_lock(&parts.pointee.mutex) }
  @usableFromInline package func unlock() { unsafe pthread_mutex_unlock(&parts.pointee.mutex) }
  @usableFromInline package func wakeAll() {
    unsafe pthread_cond_broadcast(&parts.pointee.condition)
  }

  @usableFromInline package func wakeOne() {
    unsafe pthread_cond_signal(&parts.pointee.condition)
  }

  /// Lets others have the lock and waits.
  ///
  /// - Returns: `false` if the time was over already. A wake-up may be for nothing.
  @usableFromInline package func waitOnce(until deadline: MonotonicTime) -> Bool {
    if deadline == .distantFuture {
      unsafe pthread_cond_wait(&parts.pointee.condition, &parts.pointee.mutex)
      return true
    }
    let now = MonotonicTime.now()
    guard now < deadline else { return false }
    #if canImport(Darwin)
      let left = deadline.nanoseconds - now.nanoseconds
      var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
      unsafe pthread_cond_timedwait_relative_np(
        &parts.pointee.condition, &parts.pointee.mutex, &time)
    #else
      var time = timespec(
        tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
        tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
      unsafe pthread_cond_timedwait(&parts.pointee.condition, &parts.pointee.mutex, &time)
    #endif
    return true
  }
}
