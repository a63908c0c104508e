// How a log line looks: `2026-11-23T07:14:00Z info [conn-12] freetser.server: message key=value`, in which `conn-12` is the
// thread, named after the first connection that it served.

public import Logging
import Threads

/// A log handler that makes lines and leaves writing them to a ``LogQueue``.
public struct QueuedLogHandler: LogHandler {
  /// Lines below it are not made at all.
  public var logLevel: Logger.Level
  /// Values added to every line.
  public var metadata: Logger.Metadata = [:]
  private let label: String
  let queue: LogQueue

  init(label: String, logLevel: Logger.Level, queue: LogQueue) {
    self.label = label
    self.logLevel = logLevel
    self.queue = queue
  }

  /// One of the values added to every line.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Makes a line and queues it.
  public func log(event: LogEvent) {
    var line = ""
    line.reserveCapacity(120)
    // Piece by piece, as a server may log a line a request: an interpolation takes twice as long.
    line += CivilTime(secondsSince1970: CivilTime.nowInSeconds()).timestamp
    line += " "
    line += event.level.rawValue
    line += " ["
    line += Self.onOneLine(Thread.currentName)
    line += "] "
    line += Self.onOneLine(label)
    line += ": "
    line += Self.onOneLine(event.message.description)
    let values = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    if !values.isEmpty {
      for (key, value) in values.sorted(by: { $0.key < $1.key }) {
        line += " \(Self.onOneLine(key))=\(Self.onOneLine("\(value)"))"
      }
    }
    if let error = event.error { line += " error=\(Self.onOneLine("\(error)"))" }
    line += "\n"
    queue.append(line.utf8.span)
  }

  /// Escapes what ends a line, moves a terminal's cursor, or turns the direction of writing round: what a client sent must
  /// not look like another line of the log, nor hide one.
  private static func onOneLine(_ text: String) -> String {
    if text.utf8.allSatisfy({ 0x20..<0x7f ~= $0 }) { return text }
    var line = ""
    for scalar in text.unicodeScalars {
      if mayStand(scalar) {
        line.unicodeScalars.append(scalar)
      } else {
        line += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return line
  }

  private static func mayStand(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: false
    default: !scalar.properties.isBidiControl
    }
  }
}
