// Tables whose values are stored as JSON.

public import KVStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TypedTable where Value: Codable & Sendable {
  /// A table of values that are stored as JSON.
  ///
  /// ```swift
  /// struct User: Codable, Sendable { var email: String }
  /// let users = TypedTable<User>(json: "users")
  /// ```
  ///
  /// Equal values are stored as equal bytes: members are sorted by name.
  public init(json table: Table) {
    self.init(table) { value in
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Array(try encoder.encode(value))
    } decode: { bytes in
      try JSONDecoder().decode(Value.self, from: Data(bytes))
    }
  }
}
