// The last changes that were committed, in the order of the commits, and who waits for the next.
//
// Observers have no queues of their own: each knows up to where it has read, and reads on here. So one that is slow costs
// nothing, and misses changes when it falls behind the oldest that is kept.

import Synchronization
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The last changes of a store.
final class ChangeFeed: Sendable {
  private struct State {
    /// Those that are kept, without a gap.
    var changes: [Change] = []
    /// How many of them at the front are not kept any more.
    var left = 0
    /// The number of the newest.
    var last: Int64
    /// The number before the oldest that is kept.
    var missed: Int64
    var waiters: [Waiter] = []
    var isClosed = false

    init() {
      // The time, so that a later opening goes on with greater numbers: nobody makes a million changes a second.
      last = microsecondsSince1970()
      missed = last
    }

    mutating func append(_ write: Write) {
      last += 1
      changes.append(
        Change(
          sequence: last, table: write.table, key: write.key,
          kind: write.kind))
      guard changes.count - left > Store.Limits.keptChanges else { return }
      missed = changes[left].sequence
      left += 1
      if left > changes.count / 2 {
        changes.removeFirst(left)
        left = 0
      }
    }

    mutating func forgetAll() {
      // A number for what is not kept, so that everyone misses it.
      last += 1
      missed = last
      changes = []
      left = 0
    }

    /// Takes out those who wait for one of these. The others have seen them.
    mutating func takeWaiters(for changes: ArraySlice<Change>) -> [Waiter] {
      var woken: [Waiter] = []
      var waiting: [Waiter] = []
      for var waiter in waiters {
        if changes.contains(where: waiter.filter.matches) {
          woken.append(waiter)
        } else {
          waiter.seen = last
          waiting.append(waiter)
        }
      }
      waiters = waiting
      return woken
    }

    mutating func takeWaiters() -> [Waiter] {
      defer { waiters = [] }
      return waiters
    }

    /// What comes after `position`; `nil` if there is nothing yet, and then it is all that there is.
    func next(after position: inout Int64, _ filter: ChangeFilter) -> ChangeEvent? {
      guard position >= missed, position <= last else {
        position = last
        return .missed(upTo: last)
      }
      for index in (left + Int(position - missed))..<changes.count {
        position = changes[index].sequence
        if filter.matches(changes[index]) { return .change(changes[index]) }
      }
      return nil
    }
  }

  /// Somebody who waits for a change.
  private struct Waiter {
    let id: UInt64
    let filter: ChangeFilter
    /// Up to which change there was none for it.
    var seen: Int64
    /// Is given `seen`.
    let wake: @Sendable (Int64) -> Void
  }

  private let state = Monitor(State())
  private let watched = Atomic(false)
  private let lastWaiter = Atomic<UInt64>(0)

  /// Whether anybody has ever wanted to know. Before that nobody can miss anything, and nothing is kept.
  var isWatched: Bool { watched.load(ordering: .acquiring) }

  /// Keeps changes from now on.
  func watch() { watched.store(true, ordering: .releasing) }

  /// The number of the newest.
  ///
  /// - Throws: `.closed` if there will be no other.
  func last() throws(StoreError) -> Int64 {
    try state.withLock { state throws(StoreError) in
      if state.isClosed { throw .closed }
      return state.last
    }
  }

  /// Takes note of what a transaction has written, which is committed.
  func publish(_ written: WriteRecord) {
    guard isWatched, !written.writes.isEmpty || !written.isComplete else { return }
    let woken = state.withLock { state -> [Waiter] in
      if written.isComplete {
        let before = state.last
        for write in written.writes { state.append(write) }
        return state.takeWaiters(for: state.changes.suffix(Int(state.last - before)))
      } else {
        state.forgetAll()
        return state.takeWaiters()
      }
    }
    for waiter in woken { waiter.wake(waiter.seen) }
  }

  /// Tells those who wait that nothing comes any more.
  func close() {
    let woken = state.withLock { state in
      state.isClosed = true
      return state.takeWaiters()
    }
    for waiter in woken { waiter.wake(waiter.seen) }
  }

  /// What comes after `position`, which then is its place; waits for it.
  ///
  /// - Returns: `nil` if there was nothing until the deadline.
  /// - Throws: `.closed` if there will be nothing any more.
  func next(
    after position: inout Int64, _ filter: ChangeFilter, until deadline: MonotonicTime
  ) throws(StoreError) -> ChangeEvent? {
    while true {
      let woken = Monitor<Int64?>(nil)
      let id = newID()
      let found = try look(
        after: &position,
        Waiter(id: id, filter: filter, seen: position) { seen in
          woken.withLock { $0 = seen }
          woken.wakeAll()
        })
      if let found { return found }
      if let seen = woken.wait(until: deadline, for: { $0 }) {
        position = seen
      } else if let waiter = forget(id) {
        position = waiter.seen
        return nil
      } else {
        // It is being woken in the last moment.
        position = woken.wait { $0 }!
      }
    }
  }

  /// The same without keeping a thread.
  ///
  /// - Throws: `.closed`; `CancellationError`.
  func next(after position: inout Int64, _ filter: ChangeFilter) async throws -> ChangeEvent {
    while true {
      try Task.checkCancellation()
      let id = newID()
      var found: Result<ChangeEvent?, StoreError> = .success(nil)
      position = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          do throws(StoreError) {
            let event = try look(
              after: &position,
              Waiter(id: id, filter: filter, seen: position) { continuation.resume(returning: $0) })
            found = .success(event)
            if event != nil { continuation.resume(returning: position) }
          } catch {
            found = .failure(error)
            continuation.resume(returning: position)
          }
          // Whoever cancelled before may have found nobody to wake.
          if Task.isCancelled { wake(id) }
        }
      } onCancel: {
        wake(id)
      }
      if let event = try found.get() { return event }
    }
  }

  private func wake(_ id: UInt64) {
    if let waiter = forget(id) { waiter.wake(waiter.seen) }
  }

  /// Looks for what comes after `position`; has the waiter woken later if there is nothing yet.
  private func look(
    after position: inout Int64, _ waiter: Waiter
  ) throws(StoreError) -> ChangeEvent? {
    try state.withLock { state throws(StoreError) in
      if let event = state.next(after: &position, waiter.filter) { return event }
      if state.isClosed { throw .closed }
      var waiter = waiter
      waiter.seen = position
      state.waiters.append(waiter)
      return nil
    }
  }

  private func newID() -> UInt64 { lastWaiter.add(1, ordering: .relaxed).newValue }

  /// Takes out the waiter, if nobody has.
  @discardableResult
  private func forget(_ id: UInt64) -> Waiter? {
    state.withLock { state in
      guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
      return state.waiters.remove(at: index)
    }
  }
}

private func microsecondsSince1970() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
}
