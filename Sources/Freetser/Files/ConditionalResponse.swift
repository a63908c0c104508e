// Responses that a client may have already, and changes of what it may not have seen (RFC 9110 section 13).

import HTTPTypes
public import KVStore

extension Response {
  /// The same response with the name of the state that it shows, or 304 if the client has that already.
  ///
  /// ```swift
  /// return try .json(note.value).tagged(note.counter, for: request)
  /// ```
  ///
  /// For GET and HEAD and status 200: the client keeps the response with its `ETag`, and asks next time whether it is still
  /// so. One that makes other conditions is answered with 412 if they do not hold. Other responses are only given the
  /// fields, as those to PUT may be.
  ///
  /// - Parameters:
  ///   - state: What tells this state from all others that the resource ever has: the counter of an entry, a digest, a
  ///     number of a version. (An entry that is deleted and added again has its counters again.) Sent as it is written,
  ///     but for spaces and other characters that a tag cannot hold: these are escaped.
  ///   - modified: Since when it is so. It is told too, for clients that know no tags.
  ///   - isWeak: Whether responses with this tag may differ in what does not matter. A weak tag does for 304 and for
  ///     nothing else.
  ///   - request: The request that is answered.
  public func tagged(
    _ state: some LosslessStringConvertible, modified: Timestamp? = nil, isWeak: Bool = false,
    for request: Request
  ) -> Response {
    tagged(
      state, modified: modified, isWeak: isWeak, for: request, now: CivilTime.nowInSeconds())
  }

  /// The same at a moment that is given in seconds since 1970.
  func tagged(
    _ state: some LosslessStringConvertible, modified: Timestamp? = nil, isWeak: Bool = false,
    for request: Request, now: Int
  ) -> Response {
    let modified = modified.map { Int($0.secondsSince1970) }
    return answering(
      request, tag: EntityTag(naming: state.description, isWeak: isWeak), modified: modified,
      isSettled: (modified ?? 0) < now - 1, now: now)
  }

  /// What a client is answered with whose request may have conditions.
  ///
  /// - Parameter isSettled: Whether the second of `modified` names this state and no other.
  func answering(
    _ request: Request, tag: EntityTag?, modified: Int?, isSettled: Bool, now: Int
  ) -> Response {
    var response = self
    response.fields[.eTag] = tag?.text
    // A date in the future must not be sent (section 8.8.2.1).
    let modified = modified.map { max(0, min($0, now)) }
    if status == .ok, [.get, .head].contains(request.method) {
      let conditions = Conditions(
        fields: request.fields, tag: tag, modified: modified, isSettled: isSettled,
        thisYear: CivilTime(secondsSince1970: now).year)
      switch conditions.outcome {
      case .failed: return Refusal(status: .preconditionFailed).response
      case .notModified:
        // What these say, the client knows (section 15.4.5).
        for name in Self.fieldsOfContent { response.fields[name] = nil }
        return Response(status: .notModified, fields: response.fields)
      case .proceed: break
      }
    }
    // A client that is given no date may use that of the response (section 13.1.3), which a later state of the same
    // second has too. The second before is no later state's: whoever names it gets what there is then.
    if let modified {
      response.fields[.lastModified] =
        CivilTime(secondsSince1970: isSettled ? modified : modified - 1).httpDate
    }
    return response
  }

  private static let fieldsOfContent: [HTTPField.Name] = [
    .contentType, .contentEncoding, .contentDisposition,
  ]
}

extension Request {
  /// Makes sure that the client has seen the state that it changes, if it says which one it has seen.
  ///
  /// - Parameters:
  ///   - state: The present state, as it was given to ``Response/tagged(_:modified:isWeak:for:)``; `nil` if there is nothing.
  ///   - modified: Since when it is so, if clients are told.
  /// - Throws: ``HTTPError``, 412, if `If-Match` or `If-Unmodified-Since` names another state, or `If-None-Match: *` wants
  ///   there to be none.
  public func checkMatch(
    _ state: (some LosslessStringConvertible)?, modified: Timestamp? = nil
  ) throws(HTTPError) {
    guard conditions(state, modified).allowChange else {
      throw HTTPError(.preconditionFailed, "What is there is not what the request expects")
    }
  }

  /// Makes sure that the client has seen the state that it changes: nobody's change is lost to one who did not know of it.
  ///
  /// ```swift
  /// try store.execute { storage in
  ///   let note = try storage.get("notes", id)
  ///   try request.requireMatch(note?.counter)  // in the same routine
  ///   try storage.overwrite("notes", id, request.body)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - state: The present state, as it was given to ``Response/tagged(_:modified:isWeak:for:)``; `nil` if there is nothing.
  ///   - modified: Since when it is so, if clients are told.
  /// - Throws: ``HTTPError``, 428, if the request has no such condition (RFC 6585 section 3), and as
  ///   ``checkMatch(_:modified:)`` does.
  public func requireMatch(
    _ state: (some LosslessStringConvertible)?, modified: Timestamp? = nil
  ) throws(HTTPError) {
    guard conditions(state, modified).nameState else {
      throw HTTPError(.preconditionRequired, "If-Match must name the state that is changed")
    }
    try checkMatch(state, modified: modified)
  }

  private func conditions(
    _ state: (some LosslessStringConvertible)?, _ modified: Timestamp?
  ) -> Conditions {
    Conditions(
      fields: fields, exists: state != nil,
      tag: state.map { EntityTag(naming: $0.description) },
      modified: modified.map { Int($0.secondsSince1970) },
      thisYear: CivilTime(secondsSince1970: CivilTime.nowInSeconds()).year)
  }
}
