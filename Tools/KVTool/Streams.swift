// Standard input, output and error.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What the command writes, gathered into few system calls.
final class StandardOutput {
  private var buffer: [UInt8] = []

  /// Writes some text and the end of the line.
  func write(line: String) throws { try write(Array("\(line)\n".utf8)) }

  /// Writes bytes as they are.
  func write(_ bytes: [UInt8]) throws {
    buffer += bytes
    if buffer.count >= 65_536 { try flush() }
  }

  /// Writes what is still in memory; without this it is lost.
  func flush() throws {
    defer { buffer.removeAll(keepingCapacity: true) }
    try writeAll(buffer, to: 1)
  }
}

enum StandardError {
  /// Writes a message. Where that fails nobody can be told.
  static func write(_ text: String) { try? writeAll(Array(text.utf8), to: 2) }
}

enum StandardInput {
  /// All bytes up to its end.
  static func readToEnd() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes += chunk[..<count]
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        throw ToolError(description: "cannot read: \(unsafe String(cString: strerror(errno)))")
      }
    }
  }
}

/// A line on standard error that tells how far long work is, if that is a terminal.
struct Progress {
  private let isShown = isatty(2) == 1
  private var hasLine = false

  /// Shows this in the place of what it showed before.
  mutating func show(_ text: String) {
    guard isShown else { return }
    hasLine = true
    StandardError.write("\r\(text)\u{1B}[K")
  }

  /// Shows a bar, and how much there is in all.
  mutating func show(_ done: Int, of total: Int, _ unit: String) {
    let percent = total == 0 ? 100 : 100 * min(done, total) / total
    let bar =
      String(repeating: "#", count: percent / 4) + String(repeating: ".", count: 25 - percent / 4)
    show("[\(bar)] \(percent) % of \(total) \(unit)")
  }

  /// Leaves the line empty.
  mutating func clear() {
    if hasLine { StandardError.write("\r\u{1B}[K") }
    hasLine = false
  }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 {
      rest.removeFirst(count)
    } else if errno != EINTR {
      throw ToolError(description: "cannot write: \(unsafe String(cString: strerror(errno)))")
    }
  }
}
