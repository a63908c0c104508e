import Testing

@testable import KVStore

private struct Point: StoredValue, Equatable {
  var x: UInt8
  var y: UInt8

  init(x: UInt8, y: UInt8) { (self.x, self.y) = (x, y) }

  init(stored bytes: [UInt8]) throws {
    guard bytes.count == 2 else { throw Broken() }
    self.init(x: bytes[0], y: bytes[1])
  }

  var stored: [UInt8] { [x, y] }
}

private struct Broken: Error, Equatable {}

@Suite("Tables of values with a type")
struct TypedTableTests {
  let store: Store
  private let points = TypedTable<Point>("points")

  init() throws { store = try .inMemory(tables: ["points", "names"]) }

  @Test("Values go in and come out, in both kinds of routine")
  func values() throws {
    try store.execute { storage in
      try points.add("a", Point(x: 1, y: 2), in: storage)
      #expect(throws: StoreError.entryExists(table: "points", key: "a")) {
        try points.add("a", Point(x: 1, y: 2), in: storage)
      }
      #expect(try points.get("a", in: storage)?.value == Point(x: 1, y: 2))
      try points.update("a", Point(x: 3, y: 4), ifCounter: 0, in: storage)
      #expect(try points.overwrite("b", Point(x: 5, y: 6), in: storage) == 0)
    }
    try store.read { snapshot in
      let a = try points.get("a", in: snapshot)
      #expect(a?.value == Point(x: 3, y: 4))
      #expect(a?.counter == 1)
      #expect(try points.get("x", in: snapshot) == nil)
      var seen: [String] = []
      try points.forEach(in: snapshot, backwards: true) { key, entry in
        seen.append("\(key) \(entry.value.x)")
        return true
      }
      #expect(seen == ["b 5", "a 3"])
    }
    #expect(try store.execute { try points.delete("a", in: $0) })
  }

  @Test("modify changes what is there, and tells if nothing is")
  func modify() throws {
    try store.execute { storage in
      try points.add("a", Point(x: 1, y: 2), expiresAt: 50, in: storage)
      let x = try points.modify("a", in: storage) { (point) -> UInt8 in
        point.x += 1
        return point.x
      }
      #expect(x == 2)
      #expect(try points.modify("b", in: storage) { $0.x += 1 } == nil)
      #expect(try points.modify("a", now: 51, in: storage) { $0.x += 1 } == nil)
      #expect(try points.get("a", in: storage) == .init(value: Point(x: 2, y: 2), counter: 1))
    }
  }

  @Test("Bytes that are no such value throw what the type throws, and spoil nothing")
  func broken() throws {
    let names = TypedTable<String>("names")
    try store.execute { storage in
      try storage.add("points", "a", [1])
      #expect(throws: Broken()) { try points.get("a", in: storage) }
      try storage.add("names", "a", [0xFF])
      #expect(throws: StoreError.notText) { try names.get("a", in: storage) }
      try names.add("b", "Bob", in: storage)
      #expect(try names.get("b", in: storage)?.value == "Bob")
    }
  }
}
