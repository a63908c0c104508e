import Freetser

extension Response {
  /// The same response, as the last on its connection.
  func closing() -> Response {
    var response = self
    response.fields[.connection] = "close"
    return response
  }
}
