// Kills a process at a moment that chance chooses.

import Glibc
import Threads

/// Listens to a process, through a pipe that has a name, and kills it after so many lines and a while.
///
/// What the process wrote before it died is in the pipe, and is read to the end.
final class Killer: Sendable {
  /// After so many lines; the first is there before anything is done.
  let lines: Int
  /// How often others are let run before the shot.
  let yields: Int

  private let heard = Monitor<[UInt8]?>(nil)
  /// Open for writing, so that the pipe has no end before it is closed.
  private let keeper: Int32

  /// - Parameter pipe: Where the pipe is made.
  init(pipe: String, afterLines lines: Int, yields: Int) throws {
    self.lines = lines
    self.yields = yields
    precondition(unsafe mkfifo(pipe, 0o600) == 0, "cannot make \(pipe) (errno \(errno))")
    keeper = unsafe open(pipe, O_RDWR | O_CLOEXEC)
    let end = unsafe open(pipe, O_RDONLY | O_CLOEXEC)
    precondition(keeper >= 0 && end >= 0, "cannot open \(pipe) (errno \(errno))")
    try startThread("killer") { [self] in
      let bytes = listen(to: end)
      close(end)
      heard.withLock { $0 = bytes }
      heard.wakeAll()
    }
  }

  private func listen(to end: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    var (count, hasShot) = (0, false)
    while true {
      let length = unsafe chunk.withUnsafeMutableBytes {
        unsafe read(end, $0.baseAddress, $0.count)
      }
      if length == 0 { return bytes }
      guard length > 0 else { continue }  // interrupted
      bytes += chunk[..<length]
      count += chunk[..<length].count { $0 == UInt8(ascii: "\n") }
      if !hasShot, count >= lines {
        hasShot = true
        for _ in 0..<yields { sched_yield() }
        kill(Self.processID(in: bytes), SIGKILL)
      }
    }
  }

  private static func processID(in bytes: [UInt8]) -> pid_t {
    let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    guard line.hasPrefix("pid "), let id = pid_t(line.dropFirst(4)) else {
      fatalError("no process in \(line)")
    }
    return id
  }

  /// The lines that the process wrote, once it is dead.
  func linesHeard() -> [Substring] {
    close(keeper)
    let bytes = heard.wait { $0 } ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}
