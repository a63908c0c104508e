// Log lines on their way to a file descriptor, without keeping whoever logs waiting.
//
// A terminal that is scrolled back or a pipe that nobody reads blocks a write for as long as it pleases. So lines
// go into a bounded queue, and a thread of their own writes them. When the queue is full a line is dropped and
// counted, and the count is written as soon as there is room.

public import Logging
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A bounded queue of log lines and the thread that writes them.
///
/// ```swift
/// let logs = LogQueue()
/// LoggingSystem.bootstrap(logs.makeHandler)
/// defer { logs.stop() }
/// ```
public final class LogQueue: Sendable {
  private struct State {
    var lines: [String] = []
    var dropped = 0
    var isWriting = false
    var isStopped = false
    var hasEnded = false
  }

  private let state = Monitor(State())
  private let capacity: Int
  private let descriptor: Int32
  private let level: Logger.Level

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - level: Lines below it are not made at all.
  ///   - capacity: How many lines may wait; further ones are dropped and counted.
  ///   - descriptor: Where lines go; standard output unless said otherwise. It stays the caller's.
  public init(level: Logger.Level = .info, capacity: Int = 10_000, descriptor: Int32 = 1) {
    precondition(capacity > 0, "a log queue holds at least one line")
    self.level = level
    self.capacity = capacity
    self.descriptor = descriptor
    do {
      try Thread.startDetached(name: "log") { self.write() }
    } catch {
      preconditionFailure("no thread can be started for the log: \(error)")
    }
  }

  /// Makes the handler for a label: what `LoggingSystem.bootstrap` asks for.
  public func makeHandler(label: String) -> any LogHandler {
    QueuedLogHandler(label: label, logLevel: level, queue: self)
  }

  /// How many lines were dropped and not reported yet.
  public var dropped: Int { state.withLock { $0.dropped } }

  /// Adds a line, or drops it if the queue is full. The writer is woken only when the queue was empty.
  func append(_ line: String) {
    let wasEmpty = state.withLock { state in
      guard state.lines.count < capacity, !state.isStopped else {
        state.dropped += 1
        return false
      }
      state.lines.append(line)
      return state.lines.count == 1
    }
    if wasEmpty { state.wakeAll() }
  }

  /// Waits until everything logged so far is written, or could not be.
  public func flush() {
    _ = state.wait { $0.lines.isEmpty && !$0.isWriting ? () : nil }
  }

  /// Writes what is queued and ends the thread; later lines are dropped.
  public func stop() {
    state.withLock { $0.isStopped = true }
    state.wakeAll()
    _ = state.wait { $0.hasEnded ? () : nil }
  }

  private func write() {
    while let (lines, dropped) = nextBatch() {
      var text = lines.joined()
      if dropped > 0 { text += "\(dropped) log lines dropped: the log is written too slowly\n" }
      writeFully(Array(text.utf8))
      state.withLock { $0.isWriting = false }
      state.wakeAll()
    }
    state.withLock { $0.hasEnded = true }
    state.wakeAll()
  }

  private func nextBatch() -> (lines: [String], dropped: Int)? {
    enum Found {
      case lines([String], dropped: Int)
      case end
    }
    let found: Found? = state.wait { state in
      if state.lines.isEmpty { return state.isStopped ? .end : nil }
      defer {
        state.lines = []
        state.dropped = 0
        state.isWriting = true
      }
      return .lines(state.lines, dropped: state.dropped)
    }
    return if case .lines(let lines, let dropped) = found { (lines, dropped) } else { nil }
  }

  /// A log that cannot be written is given up, so that nothing waits for it.
  private func writeFully(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.span.extracting(written..<bytes.count).withUnsafeBytes {
        unsafe Self.systemWrite(descriptor, $0.baseAddress!, $0.count)
      }
      if count > 0 { written += count } else if errno != EINTR { return }
    }
  }

  private static func systemWrite(
    _ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int
  ) -> Int {
    #if canImport(Darwin)
      unsafe Darwin.write(descriptor, bytes, count)
    #else
      unsafe Glibc.write(descriptor, bytes, count)
    #endif
  }
}
