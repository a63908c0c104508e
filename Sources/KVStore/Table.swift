// The name of a table, and which names are good.

/// The name of a table in a store.
///
/// A good name begins with an ASCII letter or `_`, goes on with letters, digits and `_`, has at
/// most 64 characters and does not begin with `sqlite_`. It is checked when the store opens, so
/// that names can be plain constants:
///
/// ```swift
/// extension Table { static let accounts: Table = "accounts" }
/// ```
public struct Table: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The name, as it was given.
  public let name: String

  /// A table of that name.
  public init(_ name: String) { self.name = name }

  /// A table of that name.
  public init(stringLiteral name: String) { self.name = name }

  /// The name.
  public var description: String { name }

  /// Whether SQLite may be shown this name, in quotation marks.
  var hasGoodName: Bool {
    let bytes = Array(name.utf8)
    return (1...64).contains(bytes.count) && !isDigit(bytes[0])
      && bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
      && !foldedName.hasPrefix("sqlite_")
  }

  /// What SQLite tells tables apart by: it takes `Users` and `users` for one.
  var foldedName: String { name.lowercased() }
}

/// Refuses names that are not good, and names that SQLite takes for one.
func checkNames(of tables: [Table]) throws(StoreError) {
  var names: Set<String> = []
  for table in tables {
    guard table.hasGoodName else { throw .invalidTableName(table.name) }
    guard names.insert(table.foldedName).inserted else { throw .duplicateTable(table) }
  }
}

private func isLetter(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

private func isDigit(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}
