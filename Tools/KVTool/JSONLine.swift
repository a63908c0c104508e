// An entry as one line of JSON, which export writes and import reads.

import KVStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum JSONLine {
  /// The members of a line: one of `value` and `base64`; without a counter it is 0.
  private struct Members: Decodable {
    var key: String
    var value: String?
    var base64: String?
    var counter: Int64?
    var expiresAt: Int64?
  }

  /// The line, without its end.
  static func text(of row: Row) throws -> String {
    // By hand, for the order of the members.
    var members = ["\"key\":\(try quoted(row.key))"]
    if let text = row.text {
      members.append("\"value\":\(try quoted(text))")
    } else {
      members.append("\"base64\":\"\(Data(row.value).base64EncodedString())\"")
    }
    members.append("\"counter\":\(row.counter)")
    if let expiry = row.expiresAt { members.append("\"expiresAt\":\(expiry.secondsSince1970)") }
    return "{\(members.joined(separator: ","))}"
  }

  /// The entry of a line.
  ///
  /// - Throws: ``ToolError`` if it is none.
  static func row(of line: String) throws -> Row {
    let members: Members
    do {
      members = try JSONDecoder().decode(Members.self, from: Data(line.utf8))
    } catch {
      throw ToolError(description: "not a JSON object with a key")
    }
    guard (members.counter ?? 0) >= 0 else { throw ToolError(description: "a counter below 0") }
    guard (members.value == nil) != (members.base64 == nil) else {
      throw ToolError(description: "neither value nor base64, or both of them")
    }
    return Row(
      key: members.key,
      entry: Entry(value: try value(of: members), counter: members.counter ?? 0),
      expiresAt: members.expiresAt.map { Timestamp(secondsSince1970: $0) })
  }

  private static func value(of members: Members) throws -> [UInt8] {
    guard let base64 = members.base64 else { return Array((members.value ?? "").utf8) }
    guard let value = Data(base64Encoded: base64) else {
      throw ToolError(description: "not base64")
    }
    return Array(value)
  }

  private static func quoted(_ text: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(text), as: UTF8.self)
  }
}
