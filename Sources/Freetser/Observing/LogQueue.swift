// Log lines on their way to a file descriptor, without keeping whoever logs waiting.
//
// A terminal that is scrolled back or a pipe that nobody reads blocks a write for as long as it pleases. So lines
// go into a bounded queue, and a thread of their own writes them. A line that finds the queue full, or that could
// not be written, is dropped and counted, and the count is written as soon as that is possible.
//
// To wake the thread for each line would cost more than the rest of a small request. It is woken by the first, and waits
// a moment for others before it writes them all at once.

import HTTPCore
public import Logging
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A bounded queue of log lines and the thread that writes them.
///
/// A server logs through ``shared`` unless its configuration says otherwise. To have the rest of a program log in the
/// same way:
///
/// ```swift
/// LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
/// ```
public final class LogQueue: Sendable {
  /// The queue to standard output, with lines of level `info` and above.
  public static let shared = LogQueue()

  private struct State {
    /// The lines that wait.
    var batch: LogBatch
    var dropped = 0
    /// How many lines were ever queued, and how many of them the thread is done with.
    var queued = 0
    var finished = 0
    /// How many wait for lines to be written: then the thread does not wait for more.
    var waiting = 0
    var isStopped = false
    var hasEnded = false
  }

  private let state: Monitor<State>
  private let descriptor: Int32
  private let level: Logger.Level
  /// How many lines may wait.
  let capacity: Int

  /// How long the first line waits for others: too short for a person to notice, and long enough for hundreds of lines.
  private static let gathering: Duration = .milliseconds(10)

  /// Starts the thread. If the system has no thread to give, all lines are dropped.
  ///
  /// - Parameters:
  ///   - level: Lines below it are not made at all.
  ///   - capacity: How many lines may wait, of 1 KiB on average at most; further ones are dropped and counted.
  ///   - descriptor: Where lines go; standard output unless said otherwise. It stays the caller's.
  public init(level: Logger.Level = .info, capacity: Int = 32_768, descriptor: Int32 = 1) {
    require(capacity > 0, "a log queue holds at least one line")
    state = Monitor(State(batch: LogBatch(capacity: capacity)))
    self.level = level
    self.capacity = capacity
    self.descriptor = descriptor
    do {
      try Thread.startDetached(name: "log") { self.write(LogBatch(capacity: capacity)) }
    } catch {
      state.withLock { ($0.isStopped, $0.hasEnded) = (true, true) }
    }
  }

  /// Makes the handler for a label: what `LoggingSystem.bootstrap` asks for.
  public func makeHandler(label: String) -> any LogHandler {
    QueuedLogHandler(label: label, logLevel: level, queue: self)
  }

  /// How many lines were dropped and not reported yet.
  public var dropped: Int { state.withLock { $0.dropped } }

  /// How many lines were ever added.
  var added: Int { state.withLock { $0.queued } }

  /// Adds a line, with the line feed at its end, or drops it if the queue is full. The writer is woken only when the queue
  /// was empty, and when it is half full.
  func append(_ line: Span<UInt8>) {
    append(line, lines: 1)
  }

  /// The same for so many lines, each with the line feed at its end, of which all are added or dropped.
  func append(_ lines: Span<UInt8>, lines count: Int) {
    append(upTo: lines.count, lines: count) { $0.append(copying: lines) }
  }

  /// The same for a line that is made in its place, rather than elsewhere to be copied there.
  ///
  /// - Parameters:
  ///   - size: How long it is at most. In bytes.
  ///   - count: How many lines it is.
  ///   - make: Makes it. As it is called under the lock, it takes no memory and calls nobody else's code.
  @inline(__always)
  func append(upTo size: Int, lines count: Int = 1, _ make: (inout OutputSpan<UInt8>) -> Void) {
    let wakesWriter = state.withLock { state in
      guard state.batch.hasRoom(for: size, lines: count), !state.isStopped else {
        state.dropped += count
        return false
      }
      let (wasEmpty, wasHalfFull) = (state.batch.count == 0, state.batch.isHalfFull)
      state.batch.append(upTo: size, lines: count, make)
      state.queued += count
      return wasEmpty || !wasHalfFull && state.batch.isHalfFull
    }
    if wakesWriter { state.wakeAll() }
  }

  /// Waits until what was logged before is written, or could not be. An ``AccessLog``'s lines about answers that are not sent yet, to
  /// requests that were sent ahead, are not logged yet.
  ///
  /// - Returns: Whether that was so within the time.
  @discardableResult
  public func flush(within limit: Duration = .seconds(5)) -> Bool {
    let queued = state.withLock { state in
      state.waiting += 1
      return state.queued
    }
    defer { state.withLock { $0.waiting -= 1 } }
    state.wakeAll()
    return state.wait(until: .now() + limit) { $0.finished >= queued ? () : nil } != nil
  }

  /// Writes what is queued and ends the thread; later lines are dropped.
  ///
  /// - Returns: Whether that was done within the time. It cannot be if nobody reads the log.
  @discardableResult
  public func stop(within limit: Duration = .seconds(5)) -> Bool {
    state.withLock { $0.isStopped = true }
    state.wakeAll()
    return state.wait(until: .now() + limit) { $0.hasEnded ? () : nil } != nil
  }

  // MARK: The thread

  /// - Parameter empty: What the lines that wait are exchanged for.
  private func write(_ empty: LogBatch) {
    // A reader that goes away ends the log, not the program.
    blockBrokenPipeSignal()
    var batch = empty
    var isInsideLine = false
    while let dropped = nextBatch(&batch) {
      let lost = write(batch, dropped, &isInsideLine)
      state.withLock { state in
        state.finished += batch.count
        state.dropped += lost
      }
      state.wakeAll()
    }
    state.withLock { $0.hasEnded = true }
    state.wakeAll()
  }

  /// Takes the lines that wait, and leaves the memory of those before them to the next ones.
  ///
  /// - Returns: How many were dropped meanwhile; `nil` if the queue is stopped and no line is left.
  private func nextBatch(_ batch: inout LogBatch) -> Int? {
    batch.removeAll()
    _ = state.wait { $0.batch.count == 0 && !$0.isStopped ? nil : () }
    _ = state.wait(until: .now() + Self.gathering) { state in
      state.isStopped || state.waiting > 0 || state.batch.isHalfFull ? () : nil
    }
    return state.withLock { state in
      guard state.batch.count > 0 else { return nil }
      defer { state.dropped = 0 }
      swap(&batch, &state.batch)
      return state.dropped
    }
  }

  /// Writes the lines, and how many were dropped.
  ///
  /// - Parameter isInsideLine: Whether what was written last ends inside a line, which ends now.
  /// - Returns: How many are lost: none, or those that could not be written to their ends.
  private func write(
    _ batch: borrowing LogBatch, _ dropped: Int, _ isInsideLine: inout Bool
  ) -> Int {
    if isInsideLine { isInsideLine = write("\n".utf8.span) == 0 }
    let written = isInsideLine ? 0 : write(batch.bytes.span)
    if written < batch.bytes.count {
      if written > 0 { isInsideLine = batch.bytes[written - 1] != UInt8(ascii: "\n") }
      return batch.lines(behind: written) + dropped
    }
    if dropped == 0 { return 0 }
    let note = "\(dropped) log lines dropped: the log is written too slowly, or could not be\n"
    let end = write(note.utf8.span)
    isInsideLine = 1..<note.utf8.count ~= end
    return end == note.utf8.count ? 0 : dropped
  }

  /// - Returns: How many bytes were written; not all if the log cannot be written, for example because its reader is gone.
  private func write(_ bytes: Span<UInt8>) -> Int {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.extracting(droppingFirst: written).withUnsafeBytes {
        unsafe systemWrite(descriptor, $0.baseAddress!, $0.count)
      }
      if count > 0 {
        written += count
      } else if errno == EAGAIN {
        waitUntilWritable(descriptor)
      } else if errno != EINTR {
        break
      }
    }
    return written
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  #if canImport(Darwin)
    unsafe Darwin.write(descriptor, bytes, count)
  #else
    unsafe Glibc.write(descriptor, bytes, count)
  #endif
}

/// For a descriptor that others have made non-blocking.
private func waitUntilWritable(_ descriptor: Int32) {
  var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  _ = unsafe poll(&wanted, 1, -1)
}
