// What a request makes depend on the state of what it asks for (RFC 9110 section 13).

import HTTPCore
import HTTPTypes

/// The conditions of a request, and the state that they are about.
struct Conditions {
  let fields: Fields
  /// Whether there is anything; if not, nobody can mean it, not even by `*`.
  var exists = true
  /// The tag of the present state; `nil` if it has none, so that nobody can mean it alone.
  let tag: EntityTag?
  /// Since when that state is, in seconds since 1970; `nil` if nobody can say.
  let modified: Int?
  /// Whether another state of the same second cannot come any more, so that the second names this one.
  var isSettled = true
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

  /// What GET or HEAD is answered with, by the conditions in their order of precedence (section 13.2.2): a tag counts more
  /// than a date, and that nothing was missed more than that something is new.
  ///
  /// A list of tags that is malformed has none; a date that is malformed is ignored. So is one that asks for news of a
  /// state that is not settled: the client may have had another state of that second.
  var outcome: Outcome {
    if areOfAnotherState { return .failed }
    if let known = isKnown { return known ? .notModified : .proceed }
    guard isSettled, let modified, let date = date(.ifModifiedSince) else { return .proceed }
    return modified <= date ? .notModified : .proceed
  }

  /// Whether the state may be changed: not if the client means another, or wants there to be none.
  var allowChange: Bool { !areOfAnotherState && isKnown != true }

  /// Whether they say which state it is that may be changed, be it none at all.
  var nameState: Bool {
    fields[.ifMatch] != nil || fields[.ifNoneMatch] == "*"
      || modified != nil && date(.ifUnmodifiedSince) != nil
  }

  /// `If-Match` and `If-Unmodified-Since` (sections 13.1.1 and 13.1.4).
  private var areOfAnotherState: Bool {
    if let wanted = fields[.ifMatch] { return !matches(wanted, EntityTag.matchesStrongly) }
    guard let modified, let date = date(.ifUnmodifiedSince) else { return false }
    return modified > date
  }

  /// `If-None-Match` (section 13.1.2); `nil` if it is not there.
  private var isKnown: Bool? {
    fields[.ifNoneMatch].map { matches($0, EntityTag.matchesWeakly) }
  }

  private func matches(
    _ list: String, _ comparison: (EntityTag) -> (EntityTag) -> Bool
  ) -> Bool {
    if list == "*" { return exists }
    guard let tag, let tags = EntityTag.list(list) else { return false }
    return tags.contains(where: comparison(tag))
  }

  private func date(_ name: HTTPField.Name) -> Int? {
    fields[name].flatMap { CivilTime(httpDate: $0, thisYear: thisYear)?.secondsSince1970 }
  }
}
