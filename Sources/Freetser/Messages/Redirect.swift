// Responses that send the client somewhere else.

public import HTTPTypes

extension Response {
  /// Sends the client to another place.
  ///
  /// - Parameters:
  ///   - location: A path, as `/notes/7`, or a whole URI; escaped. One that comes from a request leads wherever its sender
  ///     likes, also as `//host` or `/\host`: let only paths of your own through.
  ///   - status: 303 by default, with which the client gets the other place with GET, whatever it sent here. 308 is for
  ///     what has moved for good.
  ///   - fields: Further fields.
  public static func redirect(
    to location: String, status: HTTPResponse.Status = .seeOther, fields: ResponseFields = [:]
  ) -> Response {
    require(status.kind == .redirection, "a redirect has a status of 3xx")
    var response = Response.empty(status: status, fields: fields)
    response.fields[.location] = location
    return response
  }
}
