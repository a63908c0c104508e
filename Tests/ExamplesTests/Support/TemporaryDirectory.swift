// A place for what one test writes.

import Foundation

/// A new directory, removed with all it holds when nobody holds this value any more.
final class TemporaryDirectory: Sendable {
  /// Short, because the path of a Unix domain socket has little room.
  let path: String

  init() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "freetser-\(UUID().uuidString.prefix(13))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    path = directory.path(percentEncoded: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a file in it, which need not exist.
  func file(_ name: String) -> String { "\(path)/\(name)" }
}
