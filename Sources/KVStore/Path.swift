// Which paths a store takes.

/// What is wrong with a path.
public enum PathProblem: Equatable, Sendable {
  /// It has no characters: SQLite would make a file that nobody can find again.
  case empty
  /// It has a character U+0000, at which the system would cut it off.
  case containsNUL
  /// It begins with `file:`, which SQLite would read as a URI. Write `./file:…` for a file of that
  /// name.
  case isURI
  /// It is `:memory:`. Use ``Store/inMemory(tables:configuration:)``.
  case namesMemory
}

/// Refuses paths that SQLite would not take for the name of a file.
func checkPath(_ path: String) throws(StoreError) {
  if path.isEmpty { throw .invalidPath(path, .empty) }
  if path.utf8.contains(0) { throw .invalidPath(path, .containsNUL) }
  if path.utf8.starts(with: "file:".utf8) { throw .invalidPath(path, .isURI) }
  if path == ":memory:" { throw .invalidPath(path, .namesMemory) }
}
