// Statements that are prepared when they are first needed: many programs never need them.

/// A statement that was made late.
// An object, as a property that is made late cannot hold what cannot be copied.
final class PreparedStatement {
  let statement: SQLiteStatement

  fileprivate init(_ statement: consuming SQLiteStatement) { self.statement = statement }
}

extension SQLiteConnection {
  /// The statement, which is prepared if it is not there yet.
  func prepared(
    _ statement: inout PreparedStatement?, _ sql: @autoclosure () -> String
  ) throws(StoreError) -> PreparedStatement {
    if let statement { return statement }
    let prepared = PreparedStatement(try SQLiteStatement(sql(), on: self))
    statement = prepared
    return prepared
  }
}
