// Pages that read and write the store: `/get`, `/found` and `/user` the quick start's entry, `/put`
// and `/half` a thousand others, in turn.

import Freetser
import Synchronization

private let key = "my_user_email"
private let keys = (0..<1000).map { "user-\($0)" }
private let value = [UInt8](repeating: UInt8(ascii: "x"), count: 100)
/// How many requests there were that take turns.
private let turns = Atomic(0)

func addStoredPages(to routes: inout Routes, _ store: Store) throws {
  let rows = try store.read { try $0.count("rows") }
  routes.get("/get") { _, _ in .text(try store.read(get) ?? "Missing: \(key)\n") }
  routes.get("/found") { _, _ in .text(try store.read(get) ?? store.execute(getOrCreate)) }
  routes.get("/user") { _, _ in .text(try store.execute(getOrCreate)) }
  routes.get("/put") { _, _ in try put(keys[nextTurn() % keys.count], into: store) }
  routes.get("/half") { _, _ in
    let turn = nextTurn()
    let key = keys[turn / 2 % keys.count]
    guard turn.isMultiple(of: 2) else { return try put(key, into: store) }
    guard let entry = try store.read({ try $0.get("users", key) }) else { throw HTTPError.notFound }
    return .text("Found: \(key), counter=\(entry.counter)\n")
  }
  routes.get("/random") { _, _ in
    let key = "key-\(Int.random(in: 0..<rows))"
    guard let entry = try store.read({ try $0.get("rows", key) }) else { throw HTTPError.notFound }
    return .bytes(entry.value)
  }
}

/// So that whatever is measured finds what it looks for.
func fill(_ store: Store) throws {
  try store.execute { storage in
    _ = try getOrCreate(storage)
    for key in keys { try storage.overwrite("users", key, value) }
  }
}

private func nextTurn() -> Int {
  turns.wrappingAdd(1, ordering: .relaxed).oldValue
}

private func put(_ key: String, into store: Store) throws -> Response {
  let counter = try store.execute { try $0.overwrite("users", key, value) }
  return .text("Stored: \(key), counter=\(counter)\n")
}

private func get(_ snapshot: borrowing Snapshot) throws -> String? {
  try snapshot.get("users", key).map { "Found: \(key), counter=\($0.counter)\n" }
}

@Sendable private func getOrCreate(_ storage: borrowing Storage) throws -> String {
  if let entry = try storage.get("users", key) {
    return "Found: \(key), counter=\(entry.counter)\n"
  }
  try storage.add("users", key, "my.user@freetser.com")
  return "Created: \(key)\n"
}
