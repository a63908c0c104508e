// Which verbs the model is tried with: few keys and few times, so that they meet often, and now and then what is refused.

@testable import KVStore

/// Chooses verbs.
struct ModelChoice {
  static let tables: [Table] = ["first", "second"]

  private static let keys = [
    "a", "b", "B", "\u{e9}", "e\u{301}", "\u{1F642}", " ", "key with 'quotes\"", "ab",
    String(repeating: "k", count: 1024),
  ]
  private static let badKeys = ["", "a\0b", String(repeating: "k", count: 1025)]
  private static let tooLarge = [UInt8](repeating: 1, count: 4_194_305)

  var numbers: SplitMix64

  init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

  /// `true` once in so many times.
  mutating func happens(onceIn times: Int) -> Bool {
    Int.random(in: 0..<times, using: &numbers) == 0
  }

  mutating func number(_ range: ClosedRange<Int64>) -> Int64 { .random(in: range, using: &numbers) }

  private mutating func table() -> Table {
    happens(onceIn: 200) ? "unknown" : Self.tables.randomElement(using: &numbers)!
  }

  private mutating func key() -> String {
    (happens(onceIn: 50) ? Self.badKeys : Self.keys).randomElement(using: &numbers)!
  }

  private mutating func value() -> [UInt8] {
    if happens(onceIn: 2_000) { return Self.tooLarge }
    // Some are numbers.
    if happens(onceIn: 3) { return Array("\(int64())".utf8) }
    return (0..<number(0...8)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
  }

  private mutating func int64() -> Int64 {
    if happens(onceIn: 20) { return happens(onceIn: 2) ? .max : .min }
    return number(-5...5)
  }

  private mutating func counter() -> Int64 { happens(onceIn: 30) ? .max : number(0...3) }

  private mutating func expiry() -> Timestamp? {
    happens(onceIn: 3) ? nil : Timestamp(secondsSince1970: number(-1...6))
  }

  mutating func time() -> Timestamp { Timestamp(secondsSince1970: number(0...7)) }

  private mutating func now() -> Timestamp? { happens(onceIn: 2) ? nil : time() }

  private mutating func range() -> KeyRange {
    let key = key()
    switch number(0...4) {
    case 0: return .all
    case 1: return .prefix(key)
    case 2: return .from(key)
    case 3: return .before(key)
    default: return .between(key, and: self.key())
    }
  }

  mutating func reading() -> Reading {
    let table = table()
    switch number(0...9) {
    case 0...2: return .get(table, key(), now: now())
    case 3: return .getMany(table, (0..<number(0...4)).map { _ in key() }, now: now())
    case 4: return .listKeys(table)
    case 5: return .count(table, range(), now: now())
    case 6:
      return .forEach(
        table, range(), backwards: happens(onceIn: 2), atMost: Int(number(1...12)), now: now())
    default:
      return .scan(
        table, range(), after: happens(onceIn: 2) ? key() : nil, backwards: happens(onceIn: 2),
        limit: Int(number(0...4)), now: now())
    }
  }

  mutating func verb() -> Verb {
    let table = table()
    switch number(0...99) {
    case 0..<30: return .read(reading())
    case 30..<44: return .add(table, key(), value(), expiresAt: expiry(), now: now())
    case 44..<52: return .update(table, key(), value(), counter: counter(), expiresAt: expiry())
    case 52..<60: return .tryUpdate(table, key(), value(), counter: counter(), expiresAt: expiry())
    case 60..<66: return .overwrite(table, key(), value(), expiresAt: expiry())
    case 66..<70: return .delete(table, key())
    case 70..<72: return .deleteRange(table, range())
    case 72: return .clear(table)
    case 73..<75: return .sweep(table, now: time())
    case 75..<80:
      let entry = Entry(value: value(), counter: counter())
      return .restore(table, Row(key: key(), entry: entry, expiresAt: expiry()))
    case 80..<88: return .modify(table, key(), change(), now: now())
    case 88..<94:
      return .increment(table, key(), by: int64(), expiresAt: expiry(), now: now())
    case 94..<97: return .raise(table, key(), to: int64(), now: now())
    default: return .lower(table, key(), to: int64(), now: now())
    }
  }

  private mutating func change() -> Verb.Change {
    switch number(0...7) {
    case 0...2: .append(UInt8.random(in: 48...57, using: &numbers))
    case 3...4: .replace(value())
    case 5: .remove
    case 6: .leave
    default: .abandon
    }
  }
}
