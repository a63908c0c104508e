// What a request makes depend on the state of what it asks for (RFC 9110 section 13).

import HTTPCore
import HTTPTypes

/// The conditions of a GET or HEAD request, and the state that they are about.
struct Conditions {
  let fields: Fields
  /// The tag of the present state; `nil` if it has none, so that nobody can mean it.
  let tag: EntityTag?
  /// Since when that state is, in seconds since 1970: what `Last-Modified` says if there is a tag.
  let modified: Int
  /// The present year, for dates that have only its last two digits.
  let thisYear: Int

  /// What the conditions demand.
  enum Outcome {
    /// That the request is answered as if there were none.
    case proceed
    /// 304: the client has what it asks for.
    case notModified
    /// 412: the client asked for another state.
    case failed
  }

  /// The conditions in their order of precedence (section 13.2.2): a tag counts more than a date, and that nothing was
  /// missed more than that something is new.
  ///
  /// A list of tags that is malformed has none; a date that is malformed is ignored. So is one that asks for news of a
  /// state without a tag: the client may have had another state of that second.
  var outcome: Outcome {
    if let wanted = fields[.ifMatch] {
      guard matches(wanted, EntityTag.matchesStrongly) else { return .failed }
    } else if let date = date(.ifUnmodifiedSince) {
      guard modified <= date else { return .failed }
    }
    if let known = fields[.ifNoneMatch] {
      if matches(known, EntityTag.matchesWeakly) { return .notModified }
    } else if tag != nil, let date = date(.ifModifiedSince) {
      if modified <= date { return .notModified }
    }
    return .proceed
  }

  /// Whether a part may be sent: not if `If-Range` names another state, of which the client has the rest (section 13.1.5).
  ///
  /// A date names a state if it is the very same. It must not be sent by a client that has a tag, and ours come with one;
  /// nor may a date that was fresh when it was received, after which the state could change again in the same second.
  var allowParts: Bool {
    guard let wanted = fields[.ifRange] else { return true }
    if let tags = EntityTag.list(wanted) {
      guard let tag, tags.count == 1 else { return false }
      return tag.matchesStrongly(tags[0])
    }
    return date(.ifRange) == modified
  }

  private func matches(
    _ list: String, _ comparison: (EntityTag) -> (EntityTag) -> Bool
  ) -> Bool {
    if list == "*" { return true }
    guard let tag, let tags = EntityTag.list(list) else { return false }
    return tags.contains(where: comparison(tag))
  }

  private func date(_ name: HTTPField.Name) -> Int? {
    fields[name].flatMap { CivilTime(httpDate: $0, thisYear: thisYear)?.secondsSince1970 }
  }
}
