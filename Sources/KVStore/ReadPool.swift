// Who reads on which connection.

import Synchronization
import Threads

/// The connections that read, each lent to one thread at a time. They are opened when they are needed.
final class ReadPool: Sendable {
  private struct State {
    /// The last one given back is last: what it has in its cache was used last.
    var idle: [SnapshotReader] = []
    var lent: [Loan] = []
    /// Those that are being opened.
    var opening = 0
    /// Nothing is lent for a moment.
    var isPaused = false
    var isClosed = false
    /// How many have been lent so far.
    var loans = 0

    func letGoOfKept() -> Bool { idle.count { $0.letGoOfKept() } > 0 }

    var isLentToCaller: Bool {
      let thread = ThreadID.current
      return lent.contains { $0.thread == thread }
    }

    /// What a caller gets; `nil` if it has to wait.
    mutating func borrow(atMost limit: Int) throws(StoreError) -> Grant? {
      if isLentToCaller { throw .reentrant }
      if isClosed { throw .closed }
      if isPaused { return nil }
      let thread = ThreadID.current
      if let reader = idle.popLast() {
        loans += 1
        lent.append(Loan(thread: thread, reader: reader))
        return .reader(reader)
      }
      guard lent.count + opening < limit else { return nil }
      opening += 1
      return .mayOpen
    }
  }

  private struct Loan {
    let thread: ThreadID
    let reader: SnapshotReader
  }

  private enum Grant {
    case reader(SnapshotReader)
    case mayOpen
  }

  private let state = Monitor(State())
  /// Rises when the file begins to change and when it has changed, so that a snapshot tells whether it is of the newest
  /// state: odd in between, when those that begin may be of either.
  private let changes = Atomic(0)
  private let limit: Int
  private let open: @Sendable () throws(StoreError) -> SnapshotReader

  /// - Parameters:
  ///   - limit: How many may read at a time.
  ///   - open: Opens one more connection.
  init(limit: Int, open: @escaping @Sendable () throws(StoreError) -> SnapshotReader) {
    self.limit = limit
    self.open = open
  }

  /// How many connections there are.
  var count: Int { state.withLock { $0.idle.count + $0.lent.count } }

  /// Opens the first connection, so that whatever is in the way shows.
  func prepare() throws(StoreError) {
    let reader = try open()
    state.withLock { $0.idle.append(reader) }
  }

  /// Whether the calling thread is reading.
  var isLentToCaller: Bool { state.withLock { $0.isLentToCaller } }

  /// Runs a reading routine on the calling thread.
  ///
  /// - Throws: What the routine throws; `.reentrant` from within one of this pool; `.closed`; `.timeout` if there was no
  ///   connection until the deadline; why none could be opened, or begin.
  func read(
    until deadline: MonotonicTime, _ routine: (borrowing Snapshot) throws -> Void
  ) throws {
    let reader = try borrow(until: deadline)
    defer { giveBack(reader) }
    // All that was acknowledged to the caller, and all that it has read, is in this number.
    let number = changes.load(ordering: .sequentiallyConsistent)
    try reader.read(of: number.isMultiple(of: 2) ? number : nil, routine)
  }

  /// Does something that changes the file. No snapshot that begins meanwhile is kept, and none from before is used again.
  func whileChanging<R, Failure: Error>(
    _ change: () throws(Failure) -> R
  ) throws(Failure) -> R {
    changes.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { changes.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    return try change()
  }

  /// Ends the snapshots that are open though nobody reads.
  ///
  /// The log is used anew only when no snapshot needs it, and is put in order only when there is none.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  func letGoOfKept() -> Bool { state.withLock { $0.letGoOfKept() } }

  /// Runs `body`, which reads on a connection of its own, in the place of a reading routine: ``close()`` waits for it.
  ///
  /// - Throws: What `body` throws, and otherwise as ``read(until:_:)``.
  func asReader<R>(_ body: () throws -> R) throws -> R {
    let reader = try borrow(until: .distantFuture)
    defer { giveBack(reader) }
    // The log is not to keep an old one meanwhile.
    reader.letGoOfKept()
    return try body()
  }

  private func borrow(until deadline: MonotonicTime) throws(StoreError) -> SnapshotReader {
    let limit = limit
    let grant = state.wait(until: deadline) { (state) -> Result<Grant, StoreError>? in
      do throws(StoreError) {
        return try state.borrow(atMost: limit).map { .success($0) }
      } catch {
        return .failure(error)
      }
    }
    guard let grant else { throw .timeout }
    switch try grant.get() {
    case .reader(let reader): return reader
    case .mayOpen: return try openReader()
    }
  }

  private func openReader() throws(StoreError) -> SnapshotReader {
    do throws(StoreError) {
      let reader = try open()
      state.withLock { state in
        state.opening -= 1
        state.loans += 1
        state.lent.append(Loan(thread: .current, reader: reader))
      }
      return reader
    } catch {
      state.withLock { $0.opening -= 1 }
      state.wakeAll()
      throw error
    }
  }

  private func giveBack(_ reader: SnapshotReader) {
    let isUsable = reader.isUsable
    if !isUsable { reader.close() }
    let isQuiet = state.withLock { state in
      // Under the lock, so that whoever ends those of the idle after a change began misses none.
      reader.letGoOfKept(unlessOf: changes.load(ordering: .sequentiallyConsistent))
      let index = state.lent.firstIndex { $0.reader === reader }!
      state.lent.swapAt(index, state.lent.count - 1)
      state.lent.removeLast()
      if isUsable { state.idle.append(reader) }
      return !state.isClosed && !state.isPaused
    }
    if isQuiet { state.wakeOne() } else { state.wakeAll() }
  }

  /// Ends the snapshots that began before `deadline`; returns how many there were.
  @discardableResult
  func endSnapshots(begunBefore deadline: MonotonicTime) -> Int {
    let readers = state.withLock { $0.lent.map(\.reader) }
    return readers.count { $0.endSnapshot(begunBefore: deadline) }
  }

  /// How many have read so far, how many do now, and since when the oldest has a snapshot.
  var activity: (reads: Int, readers: Int, oldest: MonotonicTime?) {
    let (reads, lent) = state.withLock { ($0.loans, $0.lent.map(\.reader)) }
    return (reads, lent.count, lent.compactMap { $0.snapshotBegan }.min())
  }

  /// Does something while nobody reads: lends nothing until it is done.
  ///
  /// - Parameter limit: How long to wait for those who read. If it is not enough, nothing is done.
  /// - Returns: Whether it was done.
  func whileNobodyReads(within limit: Duration, _ body: () -> Void) -> Bool {
    state.withLock { $0.isPaused = true }
    defer {
      state.withLock { $0.isPaused = false }
      state.wakeAll()
    }
    let isFree =
      state.wait(until: .now() + limit) { state -> Bool? in
        guard state.lent.isEmpty, state.opening == 0 else { return nil }
        _ = state.letGoOfKept()
        return true
      } ?? false
    if isFree { body() }
    return isFree
  }

  /// Lets those who read finish, refuses others, and closes all connections. Called once, and by nobody who reads.
  func close() {
    state.withLock { $0.isClosed = true }
    state.wakeAll()
    _ = state.wait { $0.lent.isEmpty && $0.opening == 0 ? () : nil }
    let readers = state.withLock { state in
      defer { state.idle = [] }
      return state.idle
    }
    for reader in readers { reader.close() }
  }
}
