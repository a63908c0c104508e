// Conditions of requests: tags, dates, and which counts before which.

import HTTPCore
import StreamSimulation
import Testing

@testable import Freetser

@Suite("Entity tags")
struct EntityTagTests {
  static let lists: [(text: String, tags: [EntityTag]?)] = [
    ("\"a\"", [EntityTag(opaque: "\"a\"")]),
    ("\"\"", [EntityTag(opaque: "\"\"")]),
    ("W/\"a\"", [EntityTag(opaque: "\"a\"", isWeak: true)]),
    (
      "\"a\", W/\"b\",\t\"c\"",
      [
        EntityTag(opaque: "\"a\""), EntityTag(opaque: "\"b\"", isWeak: true),
        EntityTag(opaque: "\"c\""),
      ]
    ),
    (",, \"a\" ,", [EntityTag(opaque: "\"a\"")]),
    // Commas and backslashes stand for themselves inside.
    ("\"a,b\\\", \"c\"", [EntityTag(opaque: "\"a,b\\\""), EntityTag(opaque: "\"c\"")]),
    ("\"é\"", [EntityTag(opaque: "\"é\"")]),
    ("", []),
    ("a", nil), ("\"a", nil), ("a\"", nil), ("\"", nil), ("W/", nil), ("w/\"a\"", nil),
    ("W /\"a\"", nil), ("\"a b\"", nil), ("\"a\"\"b\"", nil), ("\"a\" \"b\"", nil),
    ("\"a\", b", nil),
    ("*", nil), ("\"a\", *", nil),
  ]

  @Test("RFC 9110 8.8.3: tags and lists of them", arguments: lists)
  func parsing(_ row: (text: String, tags: [EntityTag]?)) {
    #expect(EntityTag.list(row.text) == row.tags)
  }

  static let states: [(state: String, tag: String)] = [
    ("7", "\"7\""), ("", "\"\""), ("a-b,c\\", "\"a-b,c\\\""), ("a b", "\"a%20b\""),
    ("\"", "\"%22\""), ("%22", "\"%2522\""), ("\r\n\0\u{7f}", "\"%0D%0A%00%7F\""),
    ("é", "\"%C3%A9\""),
  ]

  @Test("RFC 9110 8.8.3: any text names a state, and another one another", arguments: states)
  func naming(_ row: (state: String, tag: String)) {
    let tag = EntityTag(naming: row.state)
    #expect(tag.text == row.tag)
    #expect(EntityTag.list(row.tag) == [tag])
    #expect(EntityTag(naming: row.state, isWeak: true).text == "W/\(row.tag)")
  }

  @Test("RFC 9110 8.8.3.2: comparison, by the RFC's own table")
  func comparison() {
    let weak1 = EntityTag(opaque: "\"1\"", isWeak: true)
    let weak2 = EntityTag(opaque: "\"2\"", isWeak: true)
    let strong1 = EntityTag(opaque: "\"1\"")
    for (first, second, strongly, weakly) in [
      (weak1, weak1, false, true), (weak1, weak2, false, false), (weak1, strong1, false, true),
      (strong1, strong1, true, true),
    ] {
      #expect(
        first.matchesStrongly(second) == strongly && second.matchesStrongly(first) == strongly)
      #expect(first.matchesWeakly(second) == weakly && second.matchesWeakly(first) == weakly)
    }
    #expect(weak1.text == "W/\"1\"" && strong1.text == "\"1\"")
  }
}

@Suite("Dates of clients")
struct HTTPDateReadingTests {
  static let moment = 784_111_777

  static let dates: [(text: String, seconds: Int?)] = [
    // RFC 9110 5.6.7: the three forms.
    ("Sun, 06 Nov 1994 08:49:37 GMT", moment),
    ("Sunday, 06-Nov-94 08:49:37 GMT", moment),
    ("Sun Nov  6 08:49:37 1994", moment),
    ("Sun Nov 16 08:49:37 1994", moment + 10 * 86_400),
    // A leap second, a leap day, the ends of what four digits can say.
    ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
    ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
    ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
    // A wrong weekday is not looked at.
    ("Mon, 06 Nov 1994 08:49:37 GMT", moment),
    // No more than 50 years ahead of 2026.
    ("Friday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
    ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
    // No date.
    ("", nil), ("0", nil), ("1994-11-06T08:49:37Z", nil), ("Sun, 06 Nov 1994 08:49:37", nil),
    ("Sun, 06 Nov 1994 08:49:37 GMT ", nil), ("Sun, 06 Nov 1994 08:49:37 UTC", nil),
    ("Sun, 06 Nov 1994 08:49:37 +0000", nil), ("Sun, 6 Nov 1994 08:49:37 GMT", nil),
    ("Sun,  6 Nov 1994 08:49:37 GMT", nil), ("sun, 06 nov 1994 08:49:37 gmt", nil),
    ("Sunday, 06 Nov 1994 08:49:37 GMT", nil), ("Sun, 06-Nov-94 08:49:37 GMT", nil),
    ("Sun, 06 Nov 94 08:49:37 GMT", nil), ("Sun, 06 Nov -994 08:49:37 GMT", nil),
    ("Sun, 06 Nov 1994 8:49:37 GMT", nil), ("Sun, 06 Nov 1994 +8:49:37 GMT", nil),
    ("Sun, 06 Nov 1994 24:00:00 GMT", nil), ("Sun, 06 Nov 1994 08:60:37 GMT", nil),
    ("Sun, 06 Nov 1994 08:49:61 GMT", nil), ("Sun, 31 Nov 1994 08:49:37 GMT", nil),
    ("Sun, 00 Nov 1994 08:49:37 GMT", nil), ("Sun, 29 Feb 2023 00:00:00 GMT", nil),
    ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", nil),
    ("Sun, \u{0660}6 Nov 1994 08:49:37 GMT", nil),
  ]

  @Test("RFC 9110 5.6.7: the three forms of a date", arguments: dates)
  func reading(_ row: (text: String, seconds: Int?)) {
    #expect(CivilTime(httpDate: row.text, thisYear: 2026)?.secondsSince1970 == row.seconds)
  }

  @Test("What is sent is read back, and seconds become dates and seconds again")
  func roundTrip() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<10_000 {
      let seconds = Int.random(in: -62_167_219_200...253_402_300_799, using: &generator)
      let time = CivilTime(secondsSince1970: seconds)
      #expect(time.secondsSince1970 == seconds)
      #expect(CivilTime(httpDate: time.httpDate, thisYear: 2026) == time)
    }
  }
}

@Suite("Conditions")
struct ConditionsTests {
  static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
  static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
  static let after = "Sun, 06 Nov 1994 08:49:38 GMT"

  private func conditions(
    _ fields: [(String, String)], tag: EntityTag? = EntityTag(opaque: "\"a\"")
  ) throws -> Conditions {
    Conditions(
      fields: try Fields(fields), tag: tag, modified: HTTPDateReadingTests.moment,
      isSettled: tag != nil, thisYear: 2026)
  }

  static let outcomes: [(fields: [(String, String)], outcome: Conditions.Outcome)] = [
    ([], .proceed),
    // 13.1.1: If-Match, by strong comparison.
    ([("If-Match", "\"a\"")], .proceed),
    ([("If-Match", "\"b\", \"a\"")], .proceed),
    ([("If-Match", "\"b\""), ("If-Match", "\"a\"")], .proceed),
    ([("If-Match", "*")], .proceed),
    ([("If-Match", "\"b\"")], .failed),
    ([("If-Match", "W/\"a\"")], .failed),
    ([("If-Match", "")], .failed),
    ([("If-Match", "a")], .failed),
    // 13.1.2: If-None-Match, by weak comparison.
    ([("If-None-Match", "\"a\"")], .notModified),
    ([("If-None-Match", "W/\"a\"")], .notModified),
    ([("If-None-Match", "\"b\", W/\"a\"")], .notModified),
    ([("If-None-Match", "*")], .notModified),
    ([("If-None-Match", "\"b\"")], .proceed),
    ([("If-None-Match", "a")], .proceed),
    // 13.1.3: If-Modified-Since.
    ([("If-Modified-Since", date)], .notModified),
    ([("If-Modified-Since", after)], .notModified),
    ([("If-Modified-Since", before)], .proceed),
    ([("If-Modified-Since", "yesterday")], .proceed),
    ([("If-Modified-Since", after), ("If-Modified-Since", after)], .proceed),
    // 13.1.4: If-Unmodified-Since.
    ([("If-Unmodified-Since", date)], .proceed),
    ([("If-Unmodified-Since", after)], .proceed),
    ([("If-Unmodified-Since", before)], .failed),
    ([("If-Unmodified-Since", "yesterday")], .proceed),
    // 13.2.2: tags before dates, even if they are malformed; 412 before 304.
    ([("If-Match", "\"a\""), ("If-Unmodified-Since", before)], .proceed),
    ([("If-Match", "\"b\""), ("If-Unmodified-Since", after)], .failed),
    ([("If-None-Match", "\"b\""), ("If-Modified-Since", after)], .proceed),
    ([("If-None-Match", "?"), ("If-Modified-Since", after)], .proceed),
    ([("If-None-Match", "\"a\""), ("If-Modified-Since", before)], .notModified),
    ([("If-Match", "\"b\""), ("If-None-Match", "\"a\"")], .failed),
    ([("If-Match", "\"a\""), ("If-None-Match", "\"a\"")], .notModified),
    ([("If-Unmodified-Since", before), ("If-None-Match", "\"a\"")], .failed),
    ([("If-Unmodified-Since", after), ("If-Modified-Since", after)], .notModified),
  ]

  @Test("RFC 9110 13: what each condition demands, and their order", arguments: outcomes)
  func outcome(_ row: (fields: [(String, String)], outcome: Conditions.Outcome)) throws {
    #expect(try conditions(row.fields).outcome == row.outcome)
  }

  @Test("What has no tag is meant by none, and by *; no date says that it is known")
  func withoutTag() throws {
    for (field, value, outcome) in [
      ("If-Match", "\"a\"", Conditions.Outcome.failed), ("If-Match", "*", .proceed),
      ("If-None-Match", "\"a\"", .proceed), ("If-None-Match", "*", .notModified),
      ("If-Modified-Since", Self.date, .proceed), ("If-Modified-Since", Self.after, .proceed),
    ] {
      #expect(try conditions([(field, value)], tag: nil).outcome == outcome, "\(field): \(value)")
    }
  }

  @Test("RFC 9110 13.1.4: a date is no condition for what has none")
  func withoutDate() throws {
    for field in ["If-Modified-Since", "If-Unmodified-Since"] {
      for date in [Self.before, Self.date, Self.after] {
        let conditions = Conditions(
          fields: try Fields([(field, date)]), tag: EntityTag(opaque: "\"a\""), modified: nil,
          thisYear: 2026)
        #expect(conditions.outcome == .proceed && conditions.allowChange)
      }
    }
  }

  static let changes: [(fields: [(String, String)], ofState: Bool, ofNothing: Bool)] = [
    ([], true, true),
    ([("If-Match", "\"a\"")], true, false),
    ([("If-Match", "\"b\", \"a\"")], true, false),
    ([("If-Match", "\"b\"")], false, false),
    ([("If-Match", "W/\"a\"")], false, false),
    ([("If-Match", "*")], true, false),
    ([("If-Match", "a")], false, false),
    ([("If-None-Match", "*")], false, true),
    ([("If-None-Match", "\"a\"")], false, true),
    ([("If-None-Match", "W/\"a\"")], false, true),
    ([("If-None-Match", "\"b\"")], true, true),
    ([("If-Unmodified-Since", date)], true, true),
    ([("If-Unmodified-Since", before)], false, true),
    // Only GET and HEAD ask for news.
    ([("If-Modified-Since", after)], true, true),
    ([("If-Match", "\"a\""), ("If-None-Match", "*")], false, false),
    ([("If-Match", "\"a\""), ("If-Unmodified-Since", before)], true, false),
  ]

  @Test(
    "RFC 9110 13: which changes conditions allow, of what is there and of nothing",
    arguments: changes)
  func allowChange(_ row: (fields: [(String, String)], ofState: Bool, ofNothing: Bool)) throws {
    #expect(try conditions(row.fields).allowChange == row.ofState)
    let nothing = Conditions(
      fields: try Fields(row.fields), exists: false, tag: nil, modified: nil, thisYear: 2026)
    #expect(nothing.allowChange == row.ofNothing)
  }

  static let ranges: [(value: String?, allows: Bool)] = [
    (nil, true), ("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), ("\"a\", \"a\"", false),
    ("*", false), ("a", false), ("", false), (date, true), (before, false), (after, false),
    ("Sunday, 06-Nov-94 08:49:37 GMT", true), ("Mon, 06 Nov 1994 08:49:37 GMT", true),
  ]

  @Test("RFC 9110 13.1.5: If-Range lets parts be sent of the very same state", arguments: ranges)
  func ifRange(_ row: (value: String?, allows: Bool)) throws {
    func allows(_ fields: ResponseFields) throws -> Bool {
      let head = try RequestHead(
        method: "GET", target: "/", fields: row.value.map { [("If-Range", $0)] } ?? [])
      return Request(head: head, peer: .unix(path: nil)).allowsPart(of: Response(fields: fields))
    }
    #expect(try allows([.eTag: "\"a\"", .lastModified: Self.date]) == row.allows)
    // No state is named alone by a weak tag, by a date without a tag, or by what is no tag.
    for fields in [[.eTag: "W/\"a\""], [.lastModified: Self.date], [.eTag: "a"], [:]]
      as [ResponseFields]
    {
      #expect(try allows(fields) == (row.value == nil))
    }
  }
}
